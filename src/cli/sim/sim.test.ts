import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../test/support/cli.ts';
import { present } from '../../core/assert.ts';
import { mutantsOf, simulateWorld, type WorldOptions } from '../../simulator/index.ts';
import type { Coverage } from './coverage.ts';
import type { SeedResult } from './seed-result.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

const resultsIn = (out: string): SeedResult[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SeedResult);

describe('quorate sim', () => {
  it.each([
    ['--seed', 'x'],
    ['--seeds', '5..3'],
    ['--seeds', '5'],
    ['--replicas', '0'],
    ['--replicas', '1.5'],
    ['--minutes', '-1'],
    ['--seconds', '0'],
    ['--protocol', 'rumour'],
    ['--faults', 'kill,boredom'],
    ['--faults', 'membership,kill,lostDisk'],
    ['--faults', 'bitRot,membership'],
    ['--faults', 'bridgedLeader', '--replicas', '3'],
    ['--faults', 'kill,isolate', '--replicas', '1'],
    ['--verbose', '--seeds', '1..2'],
    ['--verbose', '--minutes', '0.01'],
    ['--verbose', '--json'],
    ['--mutant', 'typo'],
    ['--threads', '0'],
  ])('explains what is wrong with %s %s %s %s', async (...args) => {
    const { exitCode, stderr, stdout } = await runCli(['sim', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(args[0]);
  });

  it.each([
    ['--faults', '', '--faults is empty'],
    ['--faults', 'kill,all', 'all stands alone'],
    ['--faults', 'none,all', 'none stands alone'],
    ['--faults', 'kill,,isolate', 'a name is empty'],
    ['--shrink', '', '--shrink is empty'],
  ])('says of %s "%s": %s', async (flag, value, problem) => {
    const { exitCode, stderr, stdout } = await runCli(['sim', flag, value]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
  });

  it('runs worlds and says how they went', async () => {
    const args = ['sim', '--seeds', '1..2', '--seconds', '0.6', '--replicas', '3'];
    const { exitCode, stdout, stderr } = await runCli(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^seed 1: good, hash [0-9a-f]{16}, /m);
    expect(stdout).toMatch(/^2 seeds in /m);
  });

  it('tells which code of the protocol ran', async () => {
    const args = ['sim', '--seed', '3', '--seconds', '2', '--replicas', '3', '--json', '--coverage'];
    const last = (await runCli(args)).stdout.trim().split('\n').at(-1) ?? '';
    const { functions, share, unreached } = (JSON.parse(last) as { coverage: Coverage }).coverage;
    expect(functions.reached).toBeGreaterThan(100);
    expect(functions.all).toBeGreaterThan(functions.reached);
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(1);
    expect(unreached.length).toBeGreaterThan(0);
  });

  it('takes a commit for a seed, and the faults that it is told', async () => {
    const commit = 'abcdef0123456789abcdef0123456789abcdef01';
    const args = ['sim', '--seed', commit, '--seconds', '0.6', '--faults', 'none', '--json'];
    const [result] = resultsIn((await runCli(args)).stdout);
    expect(result).toMatchObject({ seed: 0xabcdef012345, verdict: 'good', faults: {} });
  });

  it('leaves out of all faults what never happens in so small a cluster', async () => {
    const args = ['sim', '--seed', '1', '--seconds', '0.6', '--faults', 'all', '--json'];
    const worldOf = async (replicas: string): Promise<string> =>
      resultsIn((await runCli([...args, '--replicas', replicas])).stdout)[0]?.world ?? '';
    expect(await worldOf('1')).toMatch(/faults: (?!.*isolate).*powerCut/);
    expect(await worldOf('3')).toMatch(/faults: (?!.*leafOnLeader).*isolate/);
    expect(await worldOf('5')).toMatch(/faults: (?!.*membership).*leafOnLeader/);
  });

  it('takes faults together without limits that would end all progress', async () => {
    const together = ['--faults', 'membership,lostDisk', '--unlimited'];
    const { exitCode } = await runCli(['sim', '--seed', '1', '--seconds', '0.6', ...together]);
    expect(exitCode).toBe(0);
  });

  it('stops at the first world that fails, with the command that replays it', async () => {
    const args = ['sim', '--seeds', '1..40', '--seconds', '5', '--replicas', '3', '--mutant', 'noFdatasync'];
    const { exitCode, stdout, stderr } = await runCli([
      ...args,
      '--faults',
      'powerCut,powerCutAll',
      '--json',
    ]);
    const results = resultsIn(stdout);
    const failed = results.at(-1);
    expect([10, 12]).toContain(exitCode);
    expect(results.slice(0, -1).every(({ verdict }) => verdict === 'good')).toBe(true);
    expect(failed?.verdict).not.toBe('good');
    expect(stderr).toContain(failed?.property);
    expect(stderr).toContain(
      `replay: quorate sim --protocol raft --replicas 3 --seconds 5 --faults powerCut,powerCutAll --mutant noFdatasync --seed ${failed?.seed} --verbose`,
    );
  });

  it('writes what is left of a failing world', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'shrink-'));
    try {
      const mistake = ['--mutant', 'noFdatasync', '--faults', 'powerCut,powerCutAll', '--replicas', '1'];
      const args = ['sim', '--seeds', '1..40', '--seconds', '3', ...mistake, '--shrink', directory];
      const { exitCode, stderr } = await runCli(args);
      expect([10, 12]).toContain(exitCode);
      expect(stderr).toContain('the smallest world found: raft, 1 replica,');
      expect(stderr).toContain('or it takes what was not acted out: the time at which all happened');
      const world = JSON.parse(readFileSync(path.join(directory, 'world.json'), 'utf8')) as WorldOptions;
      expect(world).toMatchObject({ protocol: 'raft', replicas: 1 });
      const { parts } = present(
        mutantsOf('raft').find(({ name }) => name === 'noFdatasync'),
        'the mistake',
      );
      const { violation } = simulateWorld(world, parts);
      expect(stderr).toContain(`failed: ${violation?.property}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('draws what fails in the example of its help', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'shrink-'));
    try {
      const { stdout: help } = await runCli(['sim', '--help']);
      const example = /quorate (sim .*) --shrink found/.exec(help)?.[1]?.split(' ') ?? [];
      const { exitCode, stderr } = await runCli([...example, '--shrink', directory]);
      expect(exitCode).toBe(12);
      expect(stderr).toMatch(/^\d+ events of the protocol are enough: assertion failed: /m);
      expect(readFileSync(path.join(directory, 'diagram.svg'), 'utf8')).toMatch(/^<svg/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('ends as the seed did where what is left of it cannot be written', { timeout: 120_000 }, async () => {
    const mistake = ['--mutant', 'noFdatasync', '--faults', 'powerCut,powerCutAll', '--replicas', '1'];
    const args = ['sim', '--seeds', '1..40', '--seconds', '3', ...mistake, '--shrink', '/dev/null/nowhere'];
    const { exitCode, stdout, stderr } = await runCli(args);
    expect([10, 12]).toContain(exitCode);
    expect(stdout).toMatch(/ seeds? in /);
    expect(stderr).toContain('the smallest world found');
    expect(stderr).toMatch(/--shrink \/dev\/null\/nowhere: .* is not a directory\. The seed failed/);
  });

  it('without limits to the faults keeps what it promised, whether it goes on or not', async () => {
    const args = ['sim', '--seeds', '1..6', '--seconds', '3', '--faults', 'all', '--unlimited', '--json'];
    const { exitCode, stdout } = await runCli(args);
    expect(resultsIn(stdout).map(({ verdict }) => verdict)).toEqual(new Array(6).fill('good'));
    expect(exitCode).toBe(0);
  });
});

describe('one seed gives one hash', () => {
  const args = ['sim', '--seeds', '20..25', '--seconds', '2', '--json'];
  const hashesIn = (out: string): string[] => resultsIn(out).map(({ traceHash }) => traceHash);
  const here = async () => hashesIn((await runCli(args)).stdout);

  it('in another process, in several threads', { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ['bin/quorate', ...args, '--threads', '2'], { cwd: root });
    expect(hashesIn(stdout)).toHaveLength(6);
    expect(hashesIn(stdout)).toEqual(await here());
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
    const { stdout } = await run('npx', [...node24, 'bin/quorate', ...args], { cwd: root });
    expect(hashesIn(stdout)).toEqual(await here());
  });
});
