import { beforeEach, describe, expect, it } from 'vitest';
import { MapStore } from '../../../test/support/map-store.ts';
import { utf8 } from '../../core/bytes.ts';
import { clusterTime, epoch, index } from '../../core/ids.ts';
import {
  currentRevision,
  decodeAnswer,
  encodeCommand,
  type KeyAnswer,
  type KeyCommand,
  keySpace,
  type Operation,
  putOf,
  ReadSlices,
  rangeOf,
  type TxnRequest,
} from './index.ts';

let store: MapStore;

function apply(command: KeyCommand): KeyAnswer {
  const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), featureLevel: 1 };
  const answer = decodeAnswer(keySpace.apply(encodeCommand(command), context, store));
  if (!('revision' in answer)) throw answer;
  return answer;
}

const txn = (...success: Operation[]): TxnRequest => ({ type: 'txn', compare: [], success, failure: [] });
const big = { from: utf8('big'), to: utf8('bih') };
const ranges = (count: number): Operation[] => Array.from({ length: count }, () => rangeOf(big));

/** Ten megabytes under `big…`: any range over them fits an answer once, and not twice. */
beforeEach(() => {
  store = new MapStore();
  for (let i = 0; i < 10; i++) apply(putOf(utf8(`big${i}`), new Uint8Array(1_000_000)));
});

describe('the answer to a command', () => {
  it('is bounded, and nothing happens when it would be larger', () => {
    const before = currentRevision(store);
    const answer = apply(txn(putOf(utf8('a'), utf8('1')), ...ranges(2)));
    expect(answer.result).toEqual({ type: 'error', code: 'answerTooLarge' });
    expect(currentRevision(store)).toBe(before);
  });

  it('is given when it fits', () => {
    const answer = apply(txn(putOf(utf8('a'), utf8('1')), ...ranges(1)));
    expect(answer.result.type).toBe('txn');
  });

  it('counts what was put before for each range after it', () => {
    const puts = Array.from({ length: 4 }, (_, i) => putOf(utf8(`other${i}`), new Uint8Array(1_000_000)));
    const small = Array.from({ length: 5 }, () => rangeOf({ from: utf8('none'), to: utf8('nonf') }));
    expect(apply(txn(...puts, ...small)).result).toEqual({ type: 'error', code: 'answerTooLarge' });
  });

  it('counts the pairs that a delete is to show', () => {
    for (let i = 0; i < 10; i++) apply(putOf(utf8(`bigger${i}`), new Uint8Array(1_000_000)));
    const shown = apply({ type: 'delete', range: big, previous: true });
    expect(shown.result).toEqual({ type: 'error', code: 'answerTooLarge' });
    expect(apply({ type: 'delete', range: big, previous: false }).result).toMatchObject({ deleted: 20 });
  });

  it('does not count values that are not asked for', () => {
    const quiet: Operation[] = Array.from({ length: 50 }, (_, i) => ({
      ...rangeOf(big),
      ...(i % 2 === 0 ? { keysOnly: true } : { countOnly: true }),
    }));
    expect(apply(txn(putOf(utf8('a'), utf8('1')), ...quiet)).result.type).toBe('txn');
  });

  it('is bounded for a transaction that only reads as well, and not for a range on its own', () => {
    const read = (request: TxnRequest | ReturnType<typeof rangeOf>): KeyAnswer => {
      const slices = new ReadSlices(request);
      for (;;) {
        const answer = slices.next(store);
        if (answer !== undefined) return answer;
      }
    };
    expect(read(txn(...ranges(2))).result).toEqual({ type: 'error', code: 'answerTooLarge' });
    for (let i = 0; i < 10; i++) apply(putOf(utf8(`bigger${i}`), new Uint8Array(1_000_000)));
    expect(read(rangeOf(big)).result).toMatchObject({ type: 'range', count: 20 });
  });
});
