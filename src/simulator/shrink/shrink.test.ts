import { describe, expect, it } from 'vitest';
import { laboratory } from '../../protocols/laboratory.ts';
import { mutantsOf } from '../mutants.ts';
import { drawOptions } from '../options.ts';
import { simulateWorld } from '../simulate.ts';
import { act, type Theatre } from './act.ts';
import { diagramPage, drawDiagram } from './diagram.ts';
import { minimize } from './minimize.ts';
import { scenarioOf, traceOf } from './report.ts';
import { type ScheduledEvent, ScheduleRecorder } from './schedule.ts';
import { shortest, shrink } from './shrink.ts';

const replicas = 3;

function theatreOf(mutant?: string): Theatre {
  const raft = laboratory.get('raft');
  const model = mutant === undefined ? raft?.model : raft?.mutants.find(({ name }) => name === mutant)?.model;
  if (raft === undefined || model === undefined) throw new Error(`there is no ${mutant}`);
  return { model, replicas, createInvariants: () => raft.createInvariants() };
}

/** What happened to the protocols of a world in which nothing was found. */
function recorded(seed: number, mutant?: string): ScheduledEvent[] {
  const recorder = new ScheduleRecorder(theatreOf(mutant).model, replicas);
  const faults = ['kill', 'powerCut', 'isolate'] as const;
  simulateWorld(drawOptions(seed, { replicas, faultMs: 1_500, faults }), {
    ...mutantsOf('raft').find(({ name }) => name === mutant)?.parts,
    observe: (name, id, inputs, effects) => recorder.stepped(Number(name.slice(1)), id, inputs, effects),
  });
  return recorder.events;
}

describe('a schedule that was taken from a world', () => {
  it('breaks nothing when nothing is wrong', () => {
    for (const seed of [1, 2, 3, 4]) {
      const performance = act(theatreOf(), recorded(seed));
      expect(performance.broken).toBeUndefined();
      expect(performance.moments.length).toBeGreaterThan(50);
    }
  });

  it('with a mistake comes down to a few events, told and drawn', { timeout: 120_000 }, () => {
    const theatre = theatreOf('counts-unsynced-self');
    const performance = shortest(theatre, recorded(2, 'counts-unsynced-self'));
    expect(performance?.broken).toContain('disks');
    if (performance === undefined) return;
    expect(performance.moments.length).toBeLessThanOrEqual(30);
    const lines = traceOf(performance).trim().split('\n');
    expect(lines).toHaveLength(performance.moments.length);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ at: 1 });
    const svg = drawDiagram(performance, replicas, 'a & b');
    expect(svg).toContain('a &amp; b');
    expect(svg.match(/<g data-at/g)).toHaveLength(performance.moments.length);
    const page = diagramPage(performance, replicas, 'title');
    expect(page).toContain('<!doctype html>');
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });
});

describe('a world that fails below its protocol', () => {
  it('is made smaller, and said to be about something else', { timeout: 120_000 }, () => {
    const mutant = mutantsOf('raft').find(({ name }) => name === 'noFdatasync');
    const faults = ['powerCut', 'powerCutAll', 'kill'] as const;
    const failing = [1, 2, 3, 4, 5, 6, 7, 8]
      .map((seed) => simulateWorld(drawOptions(seed, { replicas: 1, faultMs: 3_000, faults }), mutant?.parts))
      .find(({ violation }) => violation !== undefined);
    expect(failing).toBeDefined();
    if (failing === undefined) return;
    const shrunk = shrink(failing, mutant);
    expect(shrunk.report.violation?.property).toBe(failing.violation?.property);
    expect(shrunk.report.events).toBeLessThanOrEqual(failing.events);
    expect(shrunk.performance).toBeUndefined();
    expect(scenarioOf(shrunk)).toBeUndefined();
  });
});

describe('minimize', () => {
  it('leaves what is needed together, in order', () => {
    const items = Array.from({ length: 100 }, (_, at) => at);
    const needed = [3, 41, 42, 97];
    expect(minimize(items, (part) => needed.every((item) => part.includes(item)))).toEqual(needed);
  });
  it('ends when it is told to', () => {
    let asked = 0;
    const items = Array.from({ length: 100 }, (_, at) => at);
    const kept = minimize(
      items,
      () => {
        asked++;
        return false;
      },
      () => asked < 5,
    );
    expect([asked, kept]).toEqual([5, items]);
  });
});
