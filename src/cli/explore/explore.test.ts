import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../test/support/cli.ts';
import { defaultScope } from '../../check/explorer/index.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'explore-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('quorate explore', () => {
  it.each([
    ['--scope', 'nodes=3'],
    ['--scope', 'replicas=12'],
    ['--states', '0'],
    ['--mutant', 'typo'],
    ['--protocol', 'rumour'],
    ['--from', '/nowhere/scenario.txt'],
  ])('explains what is wrong with %s %s', async (...args) => {
    const { exitCode, stderr, stdout } = await runCli(['explore', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(args[0]);
  });

  it.each([
    ['--scope', 'terms=1,terms=2', 'terms is given twice'],
    ['--from', 'README.md', 'it is no scenario'],
    ['--from', '/dev/null', 'it is no scenario'],
  ])('says of %s %s: %s', async (flag, value, problem) => {
    const { exitCode, stderr } = await runCli(['explore', flag, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${flag} ${value}: ${problem}`);
  });

  it('visits no more states than it was told', async () => {
    const { exitCode, stdout } = await runCli(['explore', '--states', '10']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/: not complete\n10 states, /);
  });

  it('names the default scope in its help', async () => {
    const bounds = Object.entries(defaultScope).filter(([, value]) => value > 0);
    const { stdout } = await runCli(['explore', '--help']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      `(default: ${bounds.map(([bound, value]) => `${bound}=${value}`).join(',')})`,
    );
  });

  it('says how much there is, and that nothing is wrong', async () => {
    const { exitCode, stdout } = await runCli([
      'explore',
      '--scope',
      'terms=1,entries=0,crashes=0',
      '--json',
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ protocol: 'raft', complete: true });
  });

  it('writes down how a mistake shows', async () => {
    const file = path.join(directory, 'counterexample.txt');
    const bounds = ['--scope', 'terms=1,entries=0,crashes=1', '--mutant', 'votes-before-durable'];
    const { exitCode, stdout, stderr } = await runCli(['explore', ...bounds, '--write', file]);
    expect(exitCode).toBe(12);
    expect(stdout).toMatch(/broken after \d events/);
    expect(stderr).toContain('election safety is broken');
    expect(readFileSync(file, 'utf8')).toContain('> cluster 3');
  });

  it('tells how a mistake shows where that cannot be written down', async () => {
    const file = path.join(directory, 'nowhere', 'counterexample.txt');
    const bounds = ['--scope', 'terms=1,entries=0,crashes=1', '--mutant', 'votes-before-durable'];
    const { exitCode, stdout, stderr } = await runCli(['explore', ...bounds, '--write', file]);
    expect(exitCode).toBe(12);
    expect(stdout).toMatch(/broken after \d events/);
    expect(stderr).toContain('election safety is broken');
    expect(stderr).toContain('> cluster 3');
    expect(stderr).toMatch(/--write .*: the directory .*nowhere does not exist\. /);
  });
});
