import { describe, expect, it } from 'vitest';
import { index, millis, type ReadId } from '../core/ids.ts';
import { Reads } from './reads.ts';

function withReads(deadlines: readonly number[]) {
  const reads = new Reads();
  const served: (boolean | undefined)[] = deadlines.map(() => undefined);
  deadlines.forEach((deadline, i) => {
    reads.add(millis(deadline), (readable) => {
      served[i] = readable;
    });
  });
  return { reads, served };
}

describe('linearizable reads', () => {
  it('asks once for all reads of a turn, and serves them when their index is applied', () => {
    const { reads, served } = withReads([100, 100]);
    const id = reads.take(millis(0)) as ReadId;
    expect(reads.take(millis(0))).toBeUndefined();
    reads.readable(id, index(7));
    reads.serve(index(6), 10);
    expect(served).toEqual([undefined, undefined]);
    reads.serve(index(7), 10);
    expect(served).toEqual([true, true]);
    expect(reads.waiting).toBe(0);
  });

  it('never serves a read by an answer to an earlier question', () => {
    const { reads, served } = withReads([100]);
    const first = reads.take(millis(0)) as ReadId;
    reads.failed(first);
    reads.retryStale(millis(1));
    const second = reads.take(millis(1)) as ReadId;
    expect(second).not.toBe(first);
    reads.readable(first, index(1));
    reads.serve(index(9), 10);
    expect(served).toEqual([undefined]);
    reads.readable(second, index(2));
    reads.serve(index(9), 10);
    expect(served).toEqual([true]);
  });

  it('serves many in slices', () => {
    const { reads, served } = withReads([100, 100, 100]);
    reads.readable(reads.take(millis(0)) as ReadId, index(1));
    expect(reads.serve(index(1), 2)).toBe(true);
    expect(served).toEqual([true, true, undefined]);
    expect(reads.serve(index(1), 2)).toBe(false);
    expect(served).toEqual([true, true, true]);
  });

  it('gives up at the deadline, wherever the read is', () => {
    const { reads, served } = withReads([10, 20]);
    reads.expire(millis(10));
    expect(served).toEqual([false, undefined]);
    const id = reads.take(millis(10)) as ReadId;
    reads.readable(id, index(5));
    reads.expire(millis(20));
    expect(served).toEqual([false, false]);
    expect(reads.waiting).toBe(0);
  });

  it('answers everyone at the end', () => {
    const { reads, served } = withReads([10, 10]);
    reads.take(millis(0));
    reads.settleAll();
    expect(served).toEqual([false, false]);
  });
});
