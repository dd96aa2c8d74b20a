export {
  type CommandEnvelope,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type PublishedMember,
  type Session,
} from './envelope.ts';
export { decodeAnswer, encodeAnswer } from './key-space/answer-codec.ts';
export { decodeCommand, encodeCommand } from './key-space/command-codec.ts';
export { currentRevision, keySpace, raiseRevision, readTxn } from './key-space/key-space.ts';
export { RangeSlices, range } from './key-space/range.ts';
export type * from './key-space/requests.ts';
export { isReadOnly, validate } from './key-space/validate.ts';
export { maxEscapedKeyBytes } from './key-space/versions.ts';
export type * from './machine.ts';
export { machineView } from './machine-store.ts';
export {
  clientAddresses,
  featureLevel,
  firstFeatureLevel,
  publishedMembers,
  type RaiseOutcome,
} from './members.ts';
export {
  type Applied,
  type AppliedCommand,
  type EntryContext,
  forgetCluster,
  Replicated,
} from './replicated.ts';
export { type OpenOutcome, type SessionState, sessions } from './sessions.ts';
