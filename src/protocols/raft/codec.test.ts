import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Malformed } from '../../core/codec.ts';
import { clusterTime, epoch, index, nodeId } from '../../core/ids.ts';
import { encodeConfiguration } from '../../protocol/index.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { decodeMessage, describeMessage, type Entry, encodeMessage, type RaftMessage } from './messages.ts';
import { baseRecord, CorruptRecord, decodeRecord, entryRecord, hardStateRecord } from './records.ts';

const highest = 2 ** 48;
const anIndex = fc.integer({ min: 0, max: highest }).map(index);
const aTerm = fc.integer({ min: 1, max: highest }).map(epoch);
const aCount = fc.nat({ max: Number.MAX_SAFE_INTEGER });

/** Entries after `previous`, in terms that never fall. */
function entriesAfter(
  previous: number,
  previousTerm: number,
  shapes: readonly [number, number, string][],
): Entry[] {
  let term = previousTerm;
  return shapes.map(([rise, time, text], at) => {
    term += rise;
    const configuration = text.length % 7 === 3;
    return {
      index: index(previous + at + 1),
      epoch: epoch(Math.max(1, term)),
      time: clusterTime(time),
      kind: configuration ? 'configuration' : text === '' ? 'noop' : 'command',
      payload: configuration ? encodeConfiguration(configurationOf(3)) : new TextEncoder().encode(text),
    };
  });
}

const append = fc
  .tuple(
    fc.nat({ max: 1e9 }),
    fc.nat({ max: 1e6 }),
    fc.array(fc.tuple(fc.nat({ max: 3 }), aCount, fc.string())),
    anIndex,
  )
  .map(([previous, previousTerm, shapes, commit]): RaftMessage => {
    const firstTerm = previous === 0 ? 0 : previousTerm;
    const entries = entriesAfter(previous, firstTerm, shapes);
    return {
      type: 'appendEntries',
      term: epoch(Math.max(1, firstTerm, entries.at(-1)?.epoch ?? 0)),
      previousIndex: index(previous),
      previousTerm: epoch(firstTerm),
      commit,
      entries,
    };
  });

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  append,
  fc
    .tuple(aTerm, anIndex, fc.boolean(), fc.boolean())
    .map(([term, lastIndex, transfer, pre]): RaftMessage => {
      const last = { term, lastIndex, lastTerm: epoch(term - 1) };
      return pre ? { type: 'preVote', ...last } : { type: 'requestVote', ...last, transfer };
    }),
  fc.record({
    type: fc.constantFrom('preVoteReply' as const, 'vote' as const),
    term: aTerm,
    granted: fc.boolean(),
  }),
  fc.record({ type: fc.constant('appendAck' as const), term: aTerm, match: anIndex }),
  fc.record({
    type: fc.constant('appendReject' as const),
    term: aTerm,
    previousIndex: anIndex,
    hintIndex: anIndex,
    hintTerm: aTerm,
  }),
  fc.record({ type: fc.constant('heartbeat' as const), term: aTerm, commit: anIndex, round: aCount }),
  fc.record({
    type: fc.constant('heartbeatAck' as const),
    term: aTerm,
    round: aCount,
    verified: anIndex,
    promise: anIndex,
  }),
  fc.record({ type: fc.constant('commitNotice' as const), term: aTerm, commit: anIndex }),
  fc.record({ type: fc.constant('timeoutNow' as const), term: aTerm }),
  fc.record({ type: fc.constant('readRequest' as const), term: aTerm, start: aCount, batch: aCount }),
  fc.record({
    type: fc.constant('readReply' as const),
    term: aTerm,
    start: aCount,
    batch: aCount,
    index: anIndex,
  }),
  fc.record({
    type: fc.constant('readRefusal' as const),
    term: aTerm,
    start: aCount,
    batch: aCount,
    reason: fc.constantFrom('notLeader' as const, 'overloaded' as const),
  }),
);

describe('messages', () => {
  test('the README has a row for each of them', () => {
    const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| `(\w+)` +\| (?:candidate|leader|follower|any)/gm)].map(
      ([, type]) => type,
    );
    const types = new Set(fc.sample(message, 1000).map(({ type }) => type));
    expect(rows.sort()).toEqual([...types].sort());
  });

  test('there and back', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
        expect(describeMessage(sent)).toContain(`${sent.type} term=${sent.term}`);
      }),
    );
  });

  test('a message cut short is none, or promises nothing', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, cut) => {
        const bytes = encodeMessage(sent);
        const read = decodeMessage(bytes.subarray(0, cut % bytes.length));
        // What ends before the promise is the message of a version without one.
        if (sent.type === 'heartbeatAck' && !(read instanceof Malformed)) {
          expect(read).toEqual({ ...sent, promise: 0 });
        } else expect(read).toBeInstanceOf(Malformed);
      }),
    );
  });

  test('garbage is refused, or is a message; it never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeMessage(bytes);
        if (!(decoded instanceof Malformed)) expect(encodeMessage(decoded)).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  const entry = (at: number, term: number): Entry => entriesAfter(at - 1, term, [[0, 0, 'x']])[0] as Entry;
  const base = { type: 'appendEntries' as const, term: epoch(3), previousIndex: index(1), commit: index(0) };
  test.each<[string, RaftMessage]>([
    ['terms that fall', { ...base, previousTerm: epoch(1), entries: [entry(2, 3), entry(3, 2)] }],
    ['an entry older than the one before', { ...base, previousTerm: epoch(2), entries: [entry(2, 1)] }],
    ['an entry newer than its leader', { ...base, previousTerm: epoch(1), entries: [entry(2, 4)] }],
    ['a previous entry newer than the leader', { ...base, previousTerm: epoch(4), entries: [] }],
    ['term 0', { ...base, term: epoch(0), previousTerm: epoch(0), entries: [] }],
    ['a term out of range', { ...base, term: epoch(highest + 1), previousTerm: epoch(1), entries: [] }],
    [
      'a candidate whose log is newer than its election',
      { type: 'preVote', term: epoch(2), lastIndex: index(1), lastTerm: epoch(3) },
    ],
    [
      'a configuration that is none',
      { ...base, previousTerm: epoch(1), entries: [{ ...entry(2, 2), kind: 'configuration' }] },
    ],
  ])('refuses %s', (_, wrong) => {
    expect(decodeMessage(encodeMessage(wrong))).toBeInstanceOf(Malformed);
  });
});

describe('records', () => {
  test('there and back', () => {
    const hardState = { term: epoch(7), vote: nodeId(3), start: 4, promise: 350 };
    expect(decodeRecord(hardStateRecord(hardState).bytes)).toEqual({ type: 'hardState', hardState });
    const unvoted = { term: epoch(7), vote: undefined, start: 4, promise: 0 };
    expect(decodeRecord(hardStateRecord(unvoted).bytes)).toEqual({ type: 'hardState', hardState: unvoted });
    const [entry] = entriesAfter(8, 2, [[1, 99, 'payload']]);
    expect(decodeRecord(entryRecord(entry as Entry).bytes)).toEqual({ type: 'entry', entry });
    const base = {
      position: { index: index(9), epoch: epoch(2), time: clusterTime(5) },
      configuration: configurationOf(3),
    };
    expect(decodeRecord(baseRecord(base).bytes)).toEqual({ type: 'base', base });
  });

  test('what is none of ours is a CorruptRecord, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeRecord(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptRecord);
        }
      }),
    );
  });
});
