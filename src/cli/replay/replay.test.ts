import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../test/support/cli.ts';
import type { Effect, Input, ProtocolDefinition, ProtocolOptions } from '../../protocol/index.ts';
import { recordStart, recordStep } from '../../protocol/index.ts';
import { findProtocol } from '../../protocols/registry.ts';
import { simulate } from '../../simulator/index.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'replay-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The lives of all replicas of a simulated world, each as a recording. */
function recordedLives(): string[][] {
  const definition = findProtocol('raft') as ProtocolDefinition;
  const lives: string[][] = [];
  simulate(
    3,
    { faultMs: 2_000, replicas: 3 },
    {
      definition: {
        ...definition,
        create(options: ProtocolOptions) {
          const life = [recordStart(definition, options)];
          lives.push(life);
          const protocol = definition.create(options);
          const step = protocol.step.bind(protocol);
          protocol.step = (now, inputs: readonly Input[]): Effect[] => {
            const effects = step(now, inputs);
            life.push(recordStep(now, inputs, effects));
            return effects;
          };
          return protocol;
        },
      },
    },
  );
  return lives;
}

describe('quorate replay', () => {
  const lives = recordedLives();
  const file = path.join(directory, 'recording');

  it('lives through every life of a simulated cluster as it was', async () => {
    expect(lives.length).toBeGreaterThanOrEqual(3);
    for (const life of lives) {
      writeFileSync(file, `${life.join('\n')}\n`);
      const { exitCode, stdout, stderr } = await runCli(['replay', file]);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`${life.length - 1} steps`);
    }
  });

  it('leaves out a last line that was cut off', async () => {
    const [life = []] = lives;
    const text = `${life.join('\n')}\n`;
    writeFileSync(file, text.slice(0, -20));
    const { exitCode, stdout } = await runCli(['replay', file]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${life.length - 2} steps`);
    expect(stdout).toContain('not whole');
  });

  it.each([
    ['in the middle', 20, false],
    ['at the end, with a line feed behind it', -1, false],
    ['in the middle, with lines behind it that are cut off too', 20, true],
    ['where the first step should be', 1, false],
  ])('says which line is damaged: one %s', async (_where, which, cut) => {
    const [life = []] = lives;
    const at = (which + life.length) % life.length;
    writeFileSync(file, `${life.with(at, 'garbage').join('\n')}\n`.slice(0, cut ? -20 : undefined));
    const { exitCode, stdout, stderr } = await runCli(['replay', file]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`line ${at + 1} is damaged`);
  });

  it('takes a last line that lacks nothing but its end', async () => {
    const [life = []] = lives;
    writeFileSync(file, life.join('\n'));
    const { exitCode, stdout } = await runCli(['replay', file]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${life.length - 1} steps, and all that came out is what was recorded\n`);
  });

  it.each([
    ['only a first line', ''],
    ['a first line and part of a step', '\n{"now":1,"inp'],
  ])('does not call it a success that %s was there', async (_what, rest) => {
    writeFileSync(file, `${lives[0]?.[0]}${rest}`);
    const { exitCode, stdout, stderr } = await runCli(['replay', file]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('nothing was replayed');
  });

  it('says where something else comes out', async () => {
    const [life = []] = lives;
    const at = life.findIndex((line) => line.includes('"type":"persist"'));
    const changed = life.with(at, (life[at] ?? '').replace('"token":', '"token":9'));
    writeFileSync(file, changed.join('\n'));
    const { exitCode, stderr } = await runCli(['replay', file]);
    expect(exitCode).toBe(12);
    expect(stderr).toContain(`line ${at + 1}: what comes out is not what was recorded`);
  });

  it('explains what it cannot replay', async () => {
    expect(await runCli(['replay', path.join(directory, 'nothing')])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/nothing cannot be read: it does not exist\. Nothing was done\.\n$/),
    });
    writeFileSync(file, '{"format":9}\n');
    const { exitCode, stderr } = await runCli(['replay', file]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('does not begin like a recording');
  });

  it.each([
    ['a first line without options', 0, (line: string) => line.replace('"options":', '"choices":')],
    [
      'a first line with nonsense for randomness',
      0,
      (line: string) => line.replace(/"random":\[[^\]]*\]/, '"random":7'),
    ],
    ['a step that is a number', 3, () => '7'],
    ['a step without inputs', 3, (line: string) => line.replace('"inputs":', '"outputs":')],
    ['an input of no type', 3, () => '{"now":1,"inputs":[{"type":"boredom"}],"effects":[]}'],
    ['an input that is null', 3, () => '{"now":1,"inputs":[null],"effects":[]}'],
  ])('says that it is damaged: %s', async (_what, at, damage) => {
    const [life = []] = lives;
    const damaged = damage(life[at] ?? '');
    expect(damaged).not.toBe(life[at]);
    writeFileSync(file, `${life.with(at, damaged).join('\n')}\n`);
    const { exitCode, stderr } = await runCli(['replay', file]);
    expect([1, 12]).toContain(exitCode);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stderr).toContain(file);
  });
});
