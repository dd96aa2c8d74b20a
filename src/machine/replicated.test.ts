import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MapStore } from '../../test/support/map-store.ts';
import { utf8, utf8Text } from '../core/bytes.ts';
import { clusterTime, epoch, index, type NodeId, nodeId } from '../core/ids.ts';
import { maxKeptResultBytes, sessionWindow } from '../core/limits.ts';
import {
  type Applied,
  clientAddresses,
  type Envelope,
  encodeEnvelope,
  featureLevel,
  forgetCluster,
  forgetMember,
  type Machine,
  machineView,
  publishedMembers,
  Replicated,
  type Session,
  sessions,
} from './index.ts';

/** Appends every command to a journal, and answers with the place it took; `big` commands answer with more than is kept. */
const journal: Machine = {
  name: 'journal',
  featureLevel: 2,
  apply(command, { featureLevel: level }, store) {
    const entries = [...store.scan({ from: utf8('0'), to: undefined })].length;
    store.put(utf8(String(entries).padStart(6, '0')), command);
    const place = `${entries} at level ${level}`;
    return utf8(utf8Text(command).startsWith('big') ? place.padEnd(maxKeptResultBytes + 1) : place);
  },
};

class Fixture {
  readonly store = new MapStore();
  readonly removed: NodeId[] = [];
  readonly #replicated = new Replicated(journal);
  #index = 0;

  apply(envelope: Envelope): Applied {
    const { removed } = this;
    const context = { index: index(++this.#index), epoch: epoch(1), time: clusterTime(0), removed };
    return this.#replicated.apply(encodeEnvelope(envelope), context, this.store);
  }

  open(session: Session): Applied {
    return this.apply({ type: 'openSession', session });
  }

  /** The outcome of a command, with the result if there is one. */
  run(session: Session, sequence: number, acknowledgedBelow = 1, text = `c${sequence}`): string {
    const applied = this.apply({
      type: 'command',
      session,
      sequence,
      acknowledgedBelow,
      command: utf8(text),
    });
    if (applied.type !== 'command') throw new Error(`expected a command, got ${applied.type}`);
    return applied.result === undefined
      ? applied.outcome
      : `${applied.outcome} ${utf8Text(applied.result).trimEnd()}`;
  }

  journal(): string[] {
    return [...machineView(this.store).scan({ from: utf8('0'), to: undefined })].map(([, value]) =>
      utf8Text(value),
    );
  }
}

const session = (opener: number, incarnation: number): Session => ({ opener: nodeId(opener), incarnation });
const first = session(1, 1);

describe('sessions', () => {
  test('a repeated command runs once, and answers what it said then', () => {
    const fixture = new Fixture();
    fixture.open(first);
    expect(fixture.run(first, 1)).toBe('done 0 at level 1');
    expect(fixture.run(first, 2)).toBe('done 1 at level 1');
    expect(fixture.run(first, 1)).toBe('duplicate 0 at level 1');
    expect(fixture.journal()).toEqual(['c1', 'c2']);
  });

  test('commands may arrive in any order within the window', () => {
    const fixture = new Fixture();
    fixture.open(first);
    expect(fixture.run(first, sessionWindow)).toBe('done 0 at level 1');
    expect(fixture.run(first, 1)).toBe('done 1 at level 1');
    expect(fixture.run(first, sessionWindow + 1)).toBe('outsideWindow');
    expect(fixture.run(first, sessionWindow + 1, 2)).toBe('done 2 at level 1');
    expect(fixture.run(first, 1)).toBe('stale');
    expect(fixture.journal()).toHaveLength(3);
  });

  test('what is below the mark never runs, whether it ran or not', () => {
    const fixture = new Fixture();
    fixture.open(first);
    fixture.run(first, 5, 5);
    expect(fixture.run(first, 4)).toBe('stale');
    expect(fixture.journal()).toEqual(['c5']);
  });

  test('a result that is too large is lost, but the command has run', () => {
    const fixture = new Fixture();
    fixture.open(first);
    expect(fixture.run(first, 1, 1, 'big')).toBe('done 0 at level 1');
    expect(fixture.run(first, 1, 1, 'big')).toBe('resultLost');
    expect(fixture.journal()).toEqual(['big']);
  });

  test('a newer incarnation ends the older one; the older one cannot come back', () => {
    const fixture = new Fixture();
    expect(fixture.open(first)).toMatchObject({ outcome: 'opened' });
    fixture.run(first, 1);
    expect(fixture.open(session(1, 3))).toMatchObject({ outcome: 'opened' });
    expect(fixture.run(first, 1)).toBe('expired');
    expect(fixture.open(session(1, 2))).toMatchObject({ outcome: 'expired' });
    expect(fixture.open(session(1, 3))).toMatchObject({ outcome: 'alreadyOpen' });
    expect(fixture.run(session(1, 3), 1)).toBe('done 1 at level 1');
  });

  test('an unknown session runs nothing', () => {
    const fixture = new Fixture();
    expect(fixture.run(first, 1)).toBe('expired');
    fixture.open(session(2, 1));
    expect(fixture.run(first, 1)).toBe('expired');
    expect(fixture.journal()).toEqual([]);
  });

  test('the state of a session is bounded, however many commands it runs', () => {
    const fixture = new Fixture();
    const noop: Machine = { name: 'noop', featureLevel: 1, apply: () => utf8('ok') };
    const replicated = new Replicated(noop);
    fixture.open(first);
    const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), removed: [] };
    for (let sequence = 1; sequence <= 3 * sessionWindow; sequence++) {
      const acknowledgedBelow = Math.max(1, sequence - 10);
      const command = {
        type: 'command',
        session: first,
        sequence,
        acknowledgedBelow,
        command: utf8(''),
      } as const;
      expect(replicated.apply(encodeEnvelope(command), context, fixture.store)).toMatchObject({
        outcome: 'done',
      });
    }
    expect(fixture.store.size).toBe(sessionWindow + 1);
  });

  test('only so many openers get a session', () => {
    const fixture = new Fixture();
    for (let opener = 1; opener <= 4096; opener++) fixture.open(session(opener, 1));
    expect(fixture.open(session(5000, 1))).toMatchObject({ outcome: 'tooManySessions' });
    expect(fixture.open(session(4096, 2))).toMatchObject({ outcome: 'opened' });
  });
});

/** Sessions as plain as can be: everything that ever ran, by session and sequence. */
class NaiveSessions {
  readonly #latest = new Map<NodeId, { incarnation: number; mark: number; ran: Map<number, string> }>();
  readonly journal: string[] = [];

  open({ opener, incarnation }: Session): void {
    const latest = this.#latest.get(opener);
    if (latest !== undefined && latest.incarnation >= incarnation) return;
    this.#latest.set(opener, { incarnation, mark: 1, ran: new Map() });
  }

  run({ opener, incarnation }: Session, sequence: number, acknowledgedBelow: number, text: string): string {
    const latest = this.#latest.get(opener);
    if (latest === undefined || latest.incarnation !== incarnation) return 'expired';
    if (sequence < latest.mark) return 'stale';
    if (sequence >= Math.max(latest.mark, acknowledgedBelow) + sessionWindow) return 'outsideWindow';
    latest.mark = Math.max(latest.mark, acknowledgedBelow);
    const earlier = latest.ran.get(sequence);
    if (earlier !== undefined) return earlier.startsWith('big') ? 'resultLost' : `duplicate ${earlier}`;
    const result = `${this.journal.length} at level 1`;
    this.journal.push(text);
    latest.ran.set(sequence, text.startsWith('big') ? 'big' : result);
    return `done ${result}`;
  }
}

test('any interleaving of repeated, reordered and late commands behaves as the naive twin', () => {
  const sessionOf = fc.record({
    opener: fc.integer({ min: 1, max: 2 }),
    incarnation: fc.integer({ min: 1, max: 3 }),
  });
  // Around the places where the window ends and slots are used again.
  const sequence = fc
    .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 4 }))
    .map(([rounds, offset]) => rounds * sessionWindow + offset + 1);
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ type: fc.constant('open' as const), of: sessionOf }) },
    {
      weight: 20,
      arbitrary: fc.record({
        type: fc.constant('run' as const),
        of: sessionOf,
        sequence,
        back: fc.constantFrom(0, 1, 3, sessionWindow, 2 * sessionWindow),
        big: fc.constantFrom(false, false, true),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const fixture = new Fixture();
      const twin = new NaiveSessions();
      const runs = new Map<string, number>();
      for (const [at, next] of steps.entries()) {
        const of = session(next.of.opener, next.of.incarnation);
        if (next.type === 'open') {
          fixture.open(of);
          twin.open(of);
        } else {
          const mark = Math.max(1, next.sequence - next.back);
          const text = `${next.big ? 'big' : 'c'} ${at}`;
          const outcome = fixture.run(of, next.sequence, mark, text);
          expect(outcome).toBe(twin.run(of, next.sequence, mark, text));
          const name = `${of.opener} ${of.incarnation} ${next.sequence}`;
          if (outcome.startsWith('done')) runs.set(name, (runs.get(name) ?? 0) + 1);
        }
      }
      expect(Math.max(0, ...runs.values())).toBeLessThanOrEqual(1);
      expect(fixture.journal()).toEqual(twin.journal);
    }),
    { numRuns: 1000 },
  );
});

describe('members and the feature level', () => {
  const publish = (id: number, maxFeatureLevel: number, address = `h${id}:2379`): Envelope => ({
    type: 'publish',
    member: { id: nodeId(id), clientAddresses: [address], maxFeatureLevel, version: '0.1.0' },
  });

  test('the last that a member published holds', () => {
    const fixture = new Fixture();
    for (const envelope of [publish(2, 1), publish(1, 1), publish(2, 2, 'moved:1')]) fixture.apply(envelope);
    expect([...clientAddresses(fixture.store)]).toEqual([
      [1, ['h1:2379']],
      [2, ['moved:1']],
    ]);
    expect(publishedMembers(fixture.store)[1]).toMatchObject({ id: 2, maxFeatureLevel: 2, version: '0.1.0' });
  });

  test('the level rises only when every member can run it, and then machines see it', () => {
    const fixture = new Fixture();
    const raise = (): Applied => fixture.apply({ type: 'raiseFeatureLevel', to: 2 });
    fixture.open(first);
    expect(raise()).toEqual({ type: 'featureLevel', level: 1, outcome: 'unsupported' });
    fixture.apply(publish(1, 2));
    fixture.apply(publish(2, 1));
    expect(raise()).toEqual({ type: 'featureLevel', level: 1, outcome: 'unsupported' });
    expect(fixture.run(first, 1)).toBe('done 0 at level 1');
    fixture.apply(publish(2, 2));
    expect(raise()).toEqual({ type: 'featureLevel', level: 2, outcome: 'raised' });
    expect(raise()).toEqual({ type: 'featureLevel', level: 2, outcome: 'notAbove' });
    expect(fixture.run(first, 2)).toBe('done 1 at level 2');
  });

  test('a build that cannot run the level halts instead of diverging', () => {
    const fixture = new Fixture();
    fixture.open(first);
    fixture.apply(publish(1, 3));
    fixture.apply({ type: 'raiseFeatureLevel', to: 3 });
    expect(() => fixture.run(first, 1)).toThrow(/feature level 3/);
  });

  test('a member that was removed stays forgotten, whatever it still has on its way', () => {
    const fixture = new Fixture();
    const session = { opener: nodeId(3), incarnation: 1 };
    fixture.apply(publish(1, 2));
    const before = fixture.store.dump();
    fixture.apply(publish(3, 1));
    fixture.open(session);
    fixture.run(session, 1, 1, 'big');
    fixture.removed.push(session.opener);
    forgetMember(fixture.store, session.opener);
    expect(fixture.apply(publish(3, 1))).toMatchObject({ type: 'published', outcome: 'removed' });
    for (const incarnation of [1, 2])
      expect(fixture.open({ ...session, incarnation })).toMatchObject({
        type: 'session',
        outcome: 'expired',
      });
    expect(fixture.run(session, 2)).toBe('expired');
    expect(fixture.journal()).toEqual(['big']);
    expect(fixture.store.dump()).toEqual(expect.arrayContaining(before));
    expect(fixture.store.size).toBe(before.length + 1);
    // It holds up no feature level.
    expect(fixture.apply({ type: 'raiseFeatureLevel', to: 2 })).toMatchObject({ outcome: 'raised' });
  });

  test('a restored state forgets the cluster it comes from, and keeps the rest', () => {
    const fixture = new Fixture();
    fixture.open(first);
    for (const envelope of [publish(1, 2), { type: 'raiseFeatureLevel', to: 2 } as const])
      fixture.apply(envelope);
    fixture.run(first, 1);
    forgetCluster(fixture.store);
    expect(sessions(fixture.store)).toEqual([]);
    expect(publishedMembers(fixture.store)).toEqual([]);
    expect(featureLevel(fixture.store)).toBe(2);
    expect(fixture.journal()).toEqual(['c1']);
    expect(fixture.store.size).toBe(2);
  });
});

test('bytes that are no envelope change nothing', () => {
  const store = new MapStore();
  const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), removed: [] };
  const applied = new Replicated(journal).apply(utf8('garbage'), context, store);
  expect(applied).toMatchObject({ type: 'malformed' });
  expect(store.size).toBe(0);
});
