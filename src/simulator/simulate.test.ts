import { afterAll, describe, expect, it } from 'vitest';
import { drawOptions, faultKinds } from './options.ts';
import { simulate, simulateWorld } from './simulate.ts';
import type { WorldReport } from './world.ts';

const faultMs = 4_000;
const firstSeed = 1;
const lastSeed = 120;
const seedsPerTest = 20;

const reports: WorldReport[] = [];

describe('worlds keep every promise', () => {
  for (let first = firstSeed; first <= lastSeed; first += seedsPerTest) {
    const last = first + seedsPerTest - 1;
    it(`seeds ${first} to ${last}`, { timeout: 300_000 }, () => {
      for (let seed = first; seed <= last; seed++) {
        const report = simulate(seed, { faultMs });
        reports.push(report);
        const replay = `quorate sim --seed ${seed} --seconds ${faultMs / 1_000} --verbose`;
        expect(report.violation, `replay: ${replay}`).toBeUndefined();
      }
    });
  }

  it('and do what they are there for', () => {
    const total = (count: (report: WorldReport) => number): number =>
      reports.reduce((sum, report) => sum + count(report), 0);
    for (const kind of faultKinds) {
      expect(
        total(({ faults }) => faults.get(kind) ?? 0),
        `${kind}, where there was something to break`,
      ).toBeGreaterThan(5);
    }
    for (const effect of ['persist', 'send', 'commit', 'readable', 'readFailed', 'status'] as const) {
      expect(
        total(({ effects }) => effects.get(effect) ?? 0),
        effect,
      ).toBeGreaterThan(lastSeed);
    }
    for (const effect of ['checkpoint', 'compact', 'sendSnapshot', 'install', 'discard'] as const) {
      expect(
        total(({ effects }) => effects.get(effect) ?? 0),
        effect,
      ).toBeGreaterThan(0);
    }
    for (const milestone of ['jointConfiguration', 'promotion', 'leaseRead'] as const) {
      expect(
        total(({ reached }) => reached.get(milestone) ?? 0),
        milestone,
      ).toBeGreaterThan(0);
    }
    expect(total(({ operations }) => operations.done)).toBeGreaterThan(100 * lastSeed);
    expect(total(({ operations }) => operations.unknown)).toBeGreaterThan(lastSeed);
    expect(total(({ operations }) => operations.refused)).toBeGreaterThan(lastSeed);
    for (const replicas of [1, 3, 5]) {
      expect(
        total(({ options }) => Number(options.replicas === replicas)),
        `${replicas} replicas`,
      ).toBeGreaterThan(10);
    }
  });

  afterAll(() => {
    const events = reports.reduce((sum, report) => sum + report.events, 0);
    const simulated = reports.reduce((sum, report) => sum + report.simulatedMs, 0) / 1000;
    process.stdout.write(
      `${reports.length} worlds, ${simulated.toFixed(0)} simulated seconds, ${events} events\n`,
    );
  });
});

describe('a world', () => {
  it('is the same again, whatever ran before it', () => {
    const once = simulate(5, { faultMs: 1_000 });
    simulate(6, { faultMs: 1_000 });
    const again = simulate(5, { faultMs: 1_000 });
    expect(again).toEqual(once);
    expect(simulate(7, { faultMs: 1_000 }).hash).not.toBe(once.hash);
  });

  it('is not changed by being watched', () => {
    const lines: string[] = [];
    const watched = simulate(5, { faultMs: 1_000 }, { print: (line) => lines.push(line) });
    expect(watched.hash).toBe(simulate(5, { faultMs: 1_000 }).hash);
    expect(lines.length).toBeGreaterThan(100);
  });

  it('without faults refuses nothing once it is up, and leaves nothing unknown', () => {
    const options = drawOptions(11, { faultMs: 3_000, replicas: 3 });
    const link = { ...options.link, loss: 0, duplication: 0, reordering: 0 };
    const report = simulateWorld({ ...options, link, faults: [] });
    expect(report.violation).toBeUndefined();
    expect(report.operations.unknown).toBe(0);
    expect(report.operations.done).toBeGreaterThan(100);
  });

  it('in which the lead is handed over again and again refuses commands meanwhile', () => {
    const options = drawOptions(11, { faultMs: 5_000, replicas: 3, faults: ['transfer'] });
    const report = simulateWorld({ ...options, maxQuietMs: 100 });
    expect(report.violation).toBeUndefined();
    expect(report.faults.get('transfer') ?? 0).toBeGreaterThan(20);
    expect(report.effects.get('refuse') ?? 0).toBeGreaterThan(0);
  });

  it('that cannot make progress says so', () => {
    // Elections that time out faster than a message travels.
    const options = drawOptions(3, { faultMs: 500, replicas: 3 });
    const link = { ...options.link, minDelayMs: 500, maxDelayMs: 600 };
    const timing = { heartbeatInterval: 10, electionTimeout: 50 };
    const report = simulateWorld({ ...options, link, timing, faults: [] });
    expect(report.violation).toMatchObject({ type: 'stalled', property: 'progress without faults' });
  });
});
