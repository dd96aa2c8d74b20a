import type { ProtocolDefinition } from '../../protocol/index.ts';
import { decodeMessage, describeMessage, encodeMessage, type RaftMessage } from './messages.ts';
import { createRaft } from './replica.ts';

export type { Entry, RaftMessage } from './messages.ts';
export { CorruptRecord } from './records.ts';
export type { Raft } from './replica.ts';
export { createRaft } from './replica.ts';
export { type Rules, raftRules } from './rules.ts';

/** Raft (Ongaro and Ousterhout 2014; Ongaro 2014). README.md says what is in it and where it departs from the texts. */
export const raft: ProtocolDefinition<RaftMessage> = {
  name: 'raft',
  formatVersion: 1,
  capabilities: {
    faultModel: 'crash-recovery',
    minimumReplicas: (f) => 2 * f + 1,
    orders: 'total',
    consistency: 'linearizable',
    finality: 'instant',
    blockedBy: 'the loss of a majority',
    reads: ['linearizable', 'local'],
    reconfiguration: 'joint',
  },
  create: (options) => createRaft(options),
  encodeMessage,
  decodeMessage,
  describeMessage,
};
