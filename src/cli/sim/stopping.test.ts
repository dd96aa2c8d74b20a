import { expect, test } from 'vitest';
import { startCli } from '../../../test/support/cli.ts';
import { until } from '../../../test/support/processes.ts';

test.each(['SIGINT', 'SIGTERM'])(
  '%s ends a campaign behind the world that runs, and says so',
  async (signal) => {
    const sim = startCli(['sim', '--seeds', '1..100000', '--seconds', '0.6', '--replicas', '3']);
    await until(() => sim.stdout().includes('seed 1: good'));
    sim.stop(signal);
    const { exitCode, stdout, stderr } = await sim.outcome;
    expect([exitCode, stderr]).toEqual([
      3,
      'finishing the worlds that run now; the same again ends at once\n' +
        'stopped before all was run: the worlds above were good, and nothing is known of the others\n',
    ]);
    expect(stdout).toMatch(/^\d+ seeds? in /m);
  },
);
