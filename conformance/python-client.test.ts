import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { pythonWith } from '../test/support/foreign.ts';

const python = pythonWith('etcd3', 'python3-etcd3');
const program = fileURLToPath(new URL('python-client.py', import.meta.url));

describe.skipIf(python === undefined)('python3-etcd3', () => {
  test('keys, transactions, leases, watches, locks and maintenance, at two of three members', async () => {
    await using cluster = await Cluster.start();
    const ports = cluster.members.map(({ client }) => client.split(':')[1] ?? '');
    const said = await new Promise((resolve) => {
      execFile(python ?? '', [program, ...ports], { timeout: 240_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    const parts = ['keys_and_values', 'transactions', 'leases', 'watches', 'locks', 'maintenance'];
    expect(said).toBe(`${parts.join('\n')}\n`);
  });
});
