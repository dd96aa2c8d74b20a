import { describe, expect, test } from 'vitest';
import { commandId, type Millis, millis, nodeId } from '../core/ids.ts';
import { maxPendingChanges } from '../core/limits.ts';
import { type Input, nobody, type Reconfiguration } from '../protocol/index.ts';
import { Changes } from './changes.ts';
import type { ChangeOutcome } from './types.ts';

const [self, other] = [nodeId(1), nodeId(2)];
const change: Reconfiguration = { type: 'addLearner', id: nodeId(9), address: 'host9:1', promote: true };
const [deadline, soon] = [millis(1_000), millis(0)];

function asked(): { changes: Changes; outcomes: ChangeOutcome[] } {
  const links = { send: () => true, credit: () => 1, flush: () => {} };
  const changes = new Changes(self, 1, links, nobody);
  const outcomes: ChangeOutcome[] = [];
  changes.request(change, deadline, (outcome) => outcomes.push(outcome));
  return { changes, outcomes };
}

/** What the leader that we are takes from `collect`. */
const ids = (inputs: readonly Input[]) =>
  inputs.map((input) => (input.type === 'reconfigure' ? input.id : commandId(0)));

function ask(changes: Changes, now: Millis): void {
  const [id] = ids(changes.collect(now, { role: 'leader', leader: self }));
  if (id === undefined) throw new Error('the leader was not asked');
  changes.refuse(id, 'reconfiguring');
}

describe('a change that nobody has taken before its time is up', () => {
  test('is refused for want of a leader when there was none', () => {
    const { changes, outcomes } = asked();
    changes.collect(soon, { role: 'follower', leader: undefined });
    changes.expire(deadline);
    expect(outcomes).toEqual([{ type: 'refused', reason: 'noLeader' }]);
  });

  test('is refused for what the leader said last', () => {
    const { changes, outcomes } = asked();
    ask(changes, soon);
    expect(outcomes).toEqual([]);
    changes.expire(deadline);
    expect(outcomes).toEqual([{ type: 'refused', reason: 'reconfiguring' }]);
  });

  test('is unknown when somebody who was asked has not answered', () => {
    const { changes, outcomes } = asked();
    changes.collect(soon, { role: 'follower', leader: other });
    changes.expire(deadline);
    expect(outcomes).toEqual([{ type: 'unknown', reason: 'timeout' }]);
  });
});

test('a change that the protocol held back is refused by its id, whatever it was asked for and took meanwhile', () => {
  const { changes, outcomes } = asked();
  const leading = { role: 'leader', leader: self } as const;
  const [held] = ids(changes.collect(soon, leading));
  for (let turn = 1; turn <= 3; turn++) {
    for (let number = 1; number <= maxPendingChanges; number++) {
      changes.forwarded(other, { incarnation: 1, number, change });
    }
    const others = ids(changes.collect(millis(turn), leading));
    expect(others.length).toBe(maxPendingChanges);
    for (const id of others) changes.refuse(id, 'reconfiguring');
  }
  expect(outcomes).toEqual([]);
  if (held !== undefined) changes.refuse(held, 'unhealthy');
  expect(outcomes).toEqual([{ type: 'refused', reason: 'unhealthy' }]);
});
