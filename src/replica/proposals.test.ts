import { describe, expect, it } from 'vitest';
import { epoch, index, type Millis, millis } from '../core/ids.ts';
import { Proposals } from './proposals.ts';
import type { Outcome } from './types.ts';

const at = (value: number): Millis => millis(value);

function withCommands(count: number, window = 16) {
  const proposals = new Proposals(window);
  const outcomes: (Outcome | undefined)[] = [];
  const marks: number[] = [];
  for (let i = 0; i < count; i++) {
    const slot = outcomes.push(undefined) - 1;
    proposals.add(
      (sequence, acknowledgedBelow) => {
        marks.push(acknowledgedBelow);
        return Uint8Array.of(sequence);
      },
      at(1_000),
      (outcome) => {
        expect(outcomes[slot], 'settled twice').toBeUndefined();
        outcomes[slot] = outcome;
      },
    );
  }
  const done = (sequence: number) => proposals.executed(sequence, Uint8Array.of(), index(sequence), epoch(1));
  const sequences = (now: number) => proposals.take(at(now), 1_000).map(({ sequence }) => sequence);
  return { proposals, outcomes, marks, done, sequences };
}

describe('outcomes', () => {
  it('is done when it was executed', () => {
    const { outcomes, done, sequences } = withCommands(1);
    expect(sequences(0)).toEqual([1]);
    done(1);
    expect(outcomes[0]).toMatchObject({ type: 'done', index: 1 });
  });

  it('is refused at the deadline when it was never submitted', () => {
    const { proposals, outcomes } = withCommands(1);
    proposals.expire(at(1_000));
    expect(outcomes[0]).toEqual({ type: 'refused', reason: 'noLeader' });
  });

  it('is unknown at the deadline when a copy may be in a log', () => {
    const { proposals, outcomes, sequences } = withCommands(1);
    sequences(0);
    proposals.expire(at(999));
    expect(outcomes[0]).toBeUndefined();
    proposals.expire(at(1_000));
    expect(outcomes[0]).toEqual({ type: 'unknown', reason: 'timeout' });
  });

  it('is refused at once when the only copy was refused for good', () => {
    const { proposals, outcomes, sequences } = withCommands(1);
    sequences(0);
    proposals.refused(1, 'storageFull');
    expect(outcomes[0]).toEqual({ type: 'refused', reason: 'storageFull' });
  });

  it('waits when leadership is on the move, and is refused at the deadline since no copy is left', () => {
    const { proposals, outcomes, sequences } = withCommands(1);
    sequences(0);
    proposals.refused(1, 'notLeader');
    expect(outcomes[0]).toBeUndefined();
    proposals.expire(at(1_000));
    expect(outcomes[0]).toEqual({ type: 'refused', reason: 'noLeader' });
  });

  it('never calls a command refused while another copy may exist', () => {
    const { proposals, outcomes, sequences } = withCommands(1);
    sequences(0);
    proposals.resubmit();
    expect(sequences(1)).toEqual([1]);
    proposals.refused(1, 'overloaded');
    expect(outcomes[0]).toBeUndefined();
    proposals.expire(at(1_000));
    expect(outcomes[0]).toEqual({ type: 'unknown', reason: 'timeout' });
  });

  it('tells at the end which commands may still happen', () => {
    const { proposals, outcomes, sequences } = withCommands(2);
    expect(proposals.take(at(0), 1).map(({ sequence }) => sequence)).toEqual([1]);
    proposals.settleAll();
    expect(outcomes).toEqual([
      { type: 'unknown', reason: 'stopped' },
      { type: 'refused', reason: 'stopping' },
    ]);
    expect(sequences(1)).toEqual([]);
  });
});

describe('submission', () => {
  it('keeps the order, also when everything is submitted again', () => {
    const { proposals, done, sequences } = withCommands(4);
    expect(sequences(0)).toEqual([1, 2, 3, 4]);
    done(2);
    proposals.resubmit();
    expect(sequences(5)).toEqual([1, 3, 4]);
  });

  it('resubmits only what was submitted long enough ago', () => {
    const { proposals, sequences } = withCommands(2);
    expect(proposals.take(at(0), 1)).toHaveLength(1);
    expect(sequences(600)).toEqual([2]);
    proposals.resubmitStale(at(1_000), false);
    expect(sequences(1_000)).toEqual([1]);
    proposals.resubmitStale(at(2_000), false);
    expect(sequences(2_000), 'waits longer the second time').toEqual([2]);
  });

  it('does not repeat what lies in the own log', () => {
    const { proposals, sequences } = withCommands(2);
    expect(sequences(0)).toEqual([1, 2]);
    proposals.refused(2, 'transferring');
    proposals.resubmitStale(at(60_000), true);
    expect(sequences(60_000)).toEqual([2]);
  });

  it('queues again what was submitted although something queued has been settled', () => {
    const { proposals, done, sequences } = withCommands(2);
    expect(proposals.take(at(0), 1)).toHaveLength(1);
    done(2);
    proposals.resubmit();
    expect(sequences(1)).toEqual([1]);
  });

  it('puts back what did not leave, before what came later', () => {
    const { proposals, outcomes, sequences } = withCommands(3);
    const taken = proposals.take(at(0), 2);
    expect(taken.map(({ sequence }) => sequence)).toEqual([1, 2]);
    proposals.putBack(taken);
    expect(sequences(1)).toEqual([1, 2, 3]);
    proposals.refused(1, 'tooLarge');
    expect(outcomes[0]).toEqual({ type: 'refused', reason: 'tooLarge' });
  });

  it('marks what is not outstanding any more', () => {
    const { proposals, marks, done, sequences } = withCommands(3);
    sequences(0);
    done(1);
    done(3);
    proposals.add(
      (_sequence, acknowledgedBelow) => {
        marks.push(acknowledgedBelow);
        return Uint8Array.of();
      },
      at(1),
      () => {},
    );
    expect(marks).toEqual([1, 1, 1, 2]);
  });

  it('has no room beyond the window, however few are outstanding', () => {
    const { proposals, done, sequences } = withCommands(4, 4);
    sequences(0);
    for (const sequence of [2, 3, 4]) done(sequence);
    expect(proposals.hasRoom(1)).toBe(false);
    done(1);
    expect(proposals.hasRoom(1)).toBe(true);
  });
});
