import { describe, expect, test } from 'vitest';
import { utf8 } from '../../core/bytes.ts';
import { clusterTime, epoch, index, nodeId } from '../../core/ids.ts';
import type { Base, JournalRecord } from '../../protocol/index.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import type { Entry } from './messages.ts';
import { baseRecord, CorruptRecord, entryRecord, hardStateRecord } from './records.ts';
import { recoverState } from './recovery.ts';

const entry = (at: number, term: number): Entry => ({
  index: index(at),
  epoch: epoch(term),
  time: clusterTime(at),
  kind: 'command',
  payload: utf8(`${at}@${term}`),
});
const hard = (term: number, vote?: number, start = 1, promise = 0): JournalRecord =>
  hardStateRecord({ term: epoch(term), vote: vote === undefined ? undefined : nodeId(vote), start, promise });
const at = (position: number, term: number): Base => ({
  position: { index: index(position), epoch: epoch(term), time: clusterTime(position) },
  configuration: configurationOf(3),
});
const recover = (base: Base, ...records: JournalRecord[]) =>
  recoverState(
    base,
    records.map((record) => record.bytes),
  );
const terms = (base: Base, ...records: JournalRecord[]): number[] => {
  const { log } = recover(base, ...records).state;
  return log.slice(log.floor.index, log.lastIndex).map((held) => held.epoch);
};

describe('recovery', () => {
  test('an empty journal is an empty log', () => {
    const { state, restarted } = recover(at(0, 0));
    expect(state.log.lastIndex).toBe(0);
    expect(restarted).toBe(false);
  });

  test('entries replace what is at and above them', () => {
    const records = [hard(1), entryRecord(entry(1, 1)), entryRecord(entry(2, 1)), entryRecord(entry(3, 1))];
    expect(terms(at(0, 0), ...records)).toEqual([1, 1, 1]);
    expect(terms(at(0, 0), ...records, hard(2), entryRecord(entry(2, 2)))).toEqual([1, 2]);
    expect(terms(at(0, 0), ...records, hard(2), entryRecord(entry(1, 2)))).toEqual([2]);
  });

  test('what the state holds already is final, and gone from the log', () => {
    const records = [hard(2), entryRecord(entry(1, 1)), entryRecord(entry(2, 1)), entryRecord(entry(3, 2))];
    const { state, restarted } = recover(at(2, 1), ...records);
    expect(restarted).toBe(false);
    expect(state.log.floor.index).toBe(2);
    expect(state.log.termAt(2)).toBe(1);
    expect(state.log.lastIndex).toBe(3);
    expect(state.commit).toBe(2);
  });

  test('a journal that was cut begins anywhere', () => {
    expect(
      terms(at(7, 1), entryRecord(entry(6, 1)), entryRecord(entry(7, 1)), entryRecord(entry(8, 1)), hard(1)),
    ).toEqual([1]);
    expect(terms(at(5, 1), entryRecord(entry(6, 1)), hard(1), baseRecord(at(5, 1)))).toEqual([1]);
  });

  test('a base that an earlier cut has left behind does not make a gap', () => {
    const left = [
      hard(1),
      baseRecord(at(3, 1)),
      entryRecord(entry(7, 1)),
      entryRecord(entry(8, 1)),
      entryRecord(entry(9, 1)),
    ];
    expect(terms(at(8, 1), ...left)).toEqual([1]);
    expect(() => recover(at(5, 1), ...left)).toThrow(CorruptRecord);
  });

  test('a log that does not go through the state restarts there', () => {
    const records = [hard(3), entryRecord(entry(1, 1)), entryRecord(entry(2, 1))];
    for (const base of [at(5, 3), at(2, 3), at(3, 1)]) {
      const { state, restarted } = recover(base, ...records);
      expect(restarted).toBe(true);
      expect(state.log.lastIndex).toBe(base.position.index);
      expect(state.log.termAt(base.position.index)).toBe(base.position.epoch);
    }
  });

  test('a base keeps what follows it when it matches, and nothing otherwise', () => {
    const records = [hard(4), entryRecord(entry(1, 1)), entryRecord(entry(2, 1)), entryRecord(entry(3, 1))];
    expect(terms(at(2, 1), ...records, baseRecord(at(2, 1)))).toEqual([1]);
    expect(terms(at(2, 4), ...records, baseRecord(at(2, 4)))).toEqual([]);
    expect(terms(at(9, 4), ...records, baseRecord(at(9, 4)), entryRecord(entry(10, 4)))).toEqual([4]);
  });

  test('the newest term counts, whatever a head repeats, and a vote is not forgotten', () => {
    expect(recover(at(0, 0), hard(4, 2, 6), hard(3, 1, 5)).state.hardState).toEqual({
      term: 4,
      vote: 2,
      start: 6,
      promise: 0,
    });
    expect(recover(at(0, 0), hard(4, 2, 5, 350), hard(5, 1, 6)).state.hardState.promise).toBe(350);
    expect(recover(at(0, 0), hard(4, 2), hard(4)).state.hardState.vote).toBe(2);
    expect(recover(at(0, 0), hard(4, 2), hard(5)).state.hardState.vote).toBeUndefined();
  });

  test('a state from elsewhere brings its term', () => {
    const { hardState } = recover(at(9, 5), hard(2, 1)).state;
    expect(hardState.term).toBe(5);
    expect(hardState.vote).toBeUndefined();
  });

  test('a gap, or a state that is older than its journal, is refused', () => {
    expect(() => recover(at(0, 0), hard(1), entryRecord(entry(1, 1)), entryRecord(entry(3, 1)))).toThrow(
      CorruptRecord,
    );
    expect(() => recover(at(2, 1), hard(1), entryRecord(entry(5, 1)))).toThrow(CorruptRecord);
    expect(() => recover(at(2, 1), hard(1), baseRecord(at(5, 1)))).toThrow(CorruptRecord);
    expect(() => recover(at(0, 0), entryRecord(entry(1, 1)))).toThrow(/knows only of term 0/);
  });
});
