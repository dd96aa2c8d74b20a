import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runSimulator } from './runner.ts';
import { simulate } from './simulate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

function runHere(argv: readonly string[], overrides: { simulate?: typeof simulate } = {}) {
  const out: string[] = [];
  const errors: string[] = [];
  const code = runSimulator(argv, {
    out: (line) => out.push(line),
    error: (line) => errors.push(line),
    elapsedMs: () => 0,
    simulate,
    ...overrides,
  });
  return { code, out: out.join('\n'), errors: errors.join('\n') };
}

describe('the command', () => {
  it.each([
    ['--seed', 'x'],
    ['--seed'],
    ['--seeds', '5..3'],
    ['--replicas', '0'],
    ['--minutes', '-1'],
    ['--protocol', 'rumour'],
    ['--sed', '1'],
  ])('explains what is wrong with %s %s', (...argv) => {
    const { code, errors } = runHere(argv);
    expect(code).toBe(2);
    expect(errors).toContain(argv[0]);
    expect(errors).toContain('Usage:');
  });

  it('runs worlds and says how they went', () => {
    const { code, out, errors } = runHere(['--seeds', '1..2', '--minutes', '0.01', '--replicas', '3']);
    expect(code).toBe(0);
    expect(errors).toBe('');
    expect(out).toMatch(/^seed 1: good, hash [0-9a-f]{16}, /m);
    expect(out).toMatch(/^2 worlds good: /m);
  });

  it.each([
    ['crash', 10],
    ['stalled', 11],
    ['wrong', 12],
  ] as const)(
    'stops at a world that ends as %s with exit code %i and the command that replays it',
    (type, code) => {
      const failing: typeof simulate = (seed, overrides) => {
        const report = simulate(seed, overrides);
        return seed === 2
          ? { ...report, violation: { type, property: 'a promise', detail: 'was broken' } }
          : report;
      };
      const argv = ['--seeds', '1..3', '--minutes', '0.01', '--replicas', '3'];
      const result = runHere(argv, { simulate: failing });
      expect(result.code).toBe(code);
      expect(result.out).not.toContain('seed 3');
      expect(result.errors).toContain('a promise');
      expect(result.errors).toContain(
        'replay: npm run sim -- --seed 2 --replicas 3 --minutes 0.01 --verbose',
      );
    },
  );
});

describe('one seed gives one hash', () => {
  const argv = ['scripts/sim.ts', '--seeds', '20..25', '--minutes', '0.03'];
  const hashesIn = (out: string): string[] =>
    [...out.matchAll(/hash ([0-9a-f]{16})/g)].map((match) => match[1] ?? '');
  const here = () => hashesIn(runHere(argv.slice(1)).out);

  it('in another process', { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', ...argv], { cwd: root });
    expect(hashesIn(stdout)).toHaveLength(6);
    expect(hashesIn(stdout)).toEqual(here());
  });

  it('on Node.js 24', { timeout: 240_000 }, async (context) => {
    const node24 = ['--yes', 'node@24'];
    const found = await run('npx', [...node24, '--version']).then(
      ({ stdout }) => stdout.startsWith('v24.'),
      () => false,
    );
    if (!found && process.env['CI'] !== 'true') {
      process.stdout.write('Node.js 24 left out: `npx --yes node@24` needs the npm registry\n');
      return context.skip();
    }
    expect(found, 'npx --yes node@24 --version').toBe(true);
    const { stdout } = await run('npx', [...node24, ...argv], { cwd: root });
    expect(hashesIn(stdout)).toEqual(here());
  });
});
