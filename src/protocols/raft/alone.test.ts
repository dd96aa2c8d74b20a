import { expect, test } from 'vitest';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { clusterTime, epoch, index, millis, nodeId } from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import { type Base, type Effect, type Input, votersOnly } from '../../protocol/index.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { NotAMember } from './alone.ts';
import { createRaft } from './index.ts';
import type { RaftMessage } from './messages.ts';
import { entryRecord, hardStateRecord } from './records.ts';

const base: Base = {
  position: { index: index(0), epoch: epoch(0), time: clusterTime(0) },
  configuration: configurationOf(3),
};
const [member] = base.configuration.members;
const self = member?.id ?? nodeId(0);
const records = [
  hardStateRecord({ term: epoch(2), vote: undefined, start: 1, promise: 0 }),
  ...[1, 2, 3].map((at) =>
    entryRecord({
      index: index(at),
      epoch: epoch(2),
      time: clusterTime(at),
      kind: 'command',
      payload: utf8(`c${at}`),
    }),
  ),
].map(({ bytes }) => bytes);

const options = {
  self,
  random: Random.fromSeed('alone'),
  timing: { heartbeatInterval: 75, electionTimeout: 350 },
  alone: true,
};

test('all of the log is committed by the only member that is left', () => {
  const raft = createRaft(options);
  const committed: string[] = [];
  let inputs: Input<RaftMessage>[] = [{ type: 'recovered', base, records }];
  for (let turn = 0; inputs.length > 0 && turn < 20; turn++) {
    const effects: Effect<RaftMessage>[] = raft.step(millis(turn), inputs);
    raft.checkInvariants();
    inputs = [];
    for (const effect of effects) {
      if (effect.type === 'persist') inputs.push({ type: 'durable', upTo: effect.token });
      if (effect.type === 'commit') {
        for (const { kind, epoch, payload } of effect.entries) {
          committed.push(`${kind} ${epoch} ${kind === 'command' ? utf8Text(payload) : ''}`.trim());
        }
      }
      expect(effect.type).not.toBe('send');
    }
  }
  expect(committed).toEqual(['command 2 c1', 'command 2 c2', 'command 2 c3', 'configuration 2', 'noop 3']);
  expect(raft.state.configurations.current.configuration).toEqual(
    votersOnly(member === undefined ? [] : [member]),
  );
});

test('who is no member cannot be the only one', () => {
  const stranger = createRaft({ ...options, self: nodeId(999) });
  expect(() => stranger.step(millis(0), [{ type: 'recovered', base, records }])).toThrow(NotAMember);
});
