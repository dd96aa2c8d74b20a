import { describe, expect, it } from 'vitest';
import { present } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import { type Observer, Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { runScenario } from '../../protocol/scenario.ts';
import { laboratory } from '../../protocols/laboratory.ts';
import type { RaftMessage } from '../../protocols/raft/messages.ts';
import { mutants } from '../../protocols/raft/mutants.ts';
import { RaftRehearsal } from '../../protocols/raft/rehearsal.ts';
import { schedules } from '../../protocols/raft/schedules.ts';
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
  return { model, replicas, joiners: 0, createInvariants: () => raft.createInvariants() };
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

/** What happens in the schedule that is known to show a mistake, up to where it shows. */
function recordedSchedule(mistake: string): { theatre: Theatre; events: readonly ScheduledEvent[] } {
  const schedule = present(schedules.get(mistake), `a schedule for ${mistake}`);
  const mutant = mutants.find(({ name }) => name === mistake);
  const recorder = new ScheduleRecorder(theatreOf().model, schedule.replicas);
  const note: Observer<RaftMessage>['stepped'] = ({ id }, inputs, effects) =>
    recorder.stepped(id, id, inputs, effects);
  // An observer comes after the checks, which is too late for the last step: it is for the starts.
  const observer = { stepped: note, crashed: () => undefined };
  const cluster = new RaftRehearsal(schedule.replicas, { mutant, spares: schedule.spares ?? 0, observer });
  observer.stepped = () => undefined;
  const check = cluster.watch.stepped.bind(cluster.watch);
  cluster.watch.stepped = (...step) => {
    note(...step);
    check(...step);
  };
  expect(() => schedule.run(cluster)).toThrow(schedule.finds);
  const { events, joiners } = recorder;
  return { theatre: { ...theatreOf(mistake), replicas: schedule.replicas, joiners }, events };
}

/** Whether `lines` are commands that can be carried out; without invariants, so that they go on to the end. */
function scenarioPlays({ model, replicas, joiners }: Theatre, lines: readonly string[]): boolean {
  const { definition, timing } = model;
  const syncs = Array.from({ length: replicas + joiners }, (_, at) => `sync ${at + 1}`);
  const text = [`cluster ${replicas} ${joiners}`, ...syncs, ...lines].map((line) => `> ${line}\n`).join('');
  const told = runScenario(text, definition.describeMessage, (count, observer, spares) => {
    const create = model.create.bind(model);
    const configuration = configurationOf(count);
    const ids = Array.from({ length: spares }, (_, at) => nodeId(count + at + 1));
    return new Rehearsal({
      definition,
      create,
      timing,
      configuration,
      spares: ids,
      seed: 'shrink',
      observer,
    });
  });
  return lines.every((line) => told.includes(`> ${line}\n`));
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
    const crashes = performance.moments.filter(({ event }) => event.type === 'crash').length;
    expect(svg.match(/>crash, start</g) ?? []).toHaveLength(crashes);
    const page = diagramPage(performance, replicas, 'title');
    for (const picture of [svg, page]) expect(picture).toMatch(/class="legend".*= power cut.*= starts again/);
    expect(page).toContain('<!doctype html>');
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });
});

describe('a picture of a schedule with a power cut', () => {
  it('shows that the replica starts again', () => {
    const { moments } = act(theatreOf(), [
      { type: 'timeout', replica: 1 },
      { type: 'crash', replica: 1, surviving: 0 },
    ]);
    expect(moments.map(({ event }) => event.type)).toEqual(['timeout', 'crash']);
    const [, cut] = drawDiagram({ moments, broken: undefined }, replicas, '').split('<g data-at="2">');
    expect(cut?.split('</g>')[0]).toMatch(/class="crash".*class="start".*>crash, start</);
  });
});

describe('a schedule in which members change, or that reads', () => {
  it('breaks nothing when nothing is wrong, and decides on members as the world did', {
    timeout: 120_000,
  }, () => {
    let decided = 0;
    let asked = 0;
    for (const seed of [2, 4, 6]) {
      const recorder = new ScheduleRecorder(theatreOf().model, replicas);
      const faults = ['kill', 'powerCut', 'isolate', 'membership', 'membership'] as const;
      simulateWorld(drawOptions(seed, { replicas, faultMs: 4_000, faults }), {
        observe: (name, id, inputs, effects) => recorder.stepped(Number(name.slice(1)), id, inputs, effects),
      });
      const performance = act({ ...theatreOf(), joiners: recorder.joiners }, recorder.events);
      expect(performance.broken).toBeUndefined();
      asked += performance.moments.filter(({ event }) => event.type === 'change').length;
      const effects = performance.moments.flatMap((moment) => moment.effects.map(({ effect }) => effect));
      const entries = effects.flatMap((effect) => (effect.type === 'commit' ? effect.entries : []));
      decided += new Set(entries.filter(({ kind }) => kind === 'configuration').map(({ index }) => index))
        .size;
    }
    expect(asked).toBeGreaterThan(5);
    expect(decided).toBeGreaterThan(0);
  });

  it.each([
    ['decides-by-one-half', 'holds the committed entry', 'change 1 exchange +4 -3'],
    ['changes-twice-at-once', 'holds the committed entry', 'change 1 add 4'],
    ['counts-learners', 'which was delivered, is on the disks of', 'change 1 add 3'],
    ['reads-before-own-entry', 'assertion failed: a read that began after entry', 'read 2'],
  ])('shows what %s breaks, as a scenario', { timeout: 60_000 }, (name, broken, change) => {
    const { theatre, events } = recordedSchedule(name);
    const performance = shortest(theatre, events);
    expect(performance?.broken).toContain(broken);
    const lines = (performance?.moments ?? []).flatMap((moment) => moment.lines);
    expect(lines).toContain(change);
    expect(lines.length).toBeLessThan(events.length);
    expect(scenarioPlays(theatre, lines)).toBe(true);
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
