export {
  type CommandEnvelope,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type PublishedMember,
  type Session,
} from './envelope.ts';
export * from './key-space/index.ts';
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
  forgetMember,
  Replicated,
} from './replicated.ts';
export { type OpenOutcome, type SessionState, sessions } from './sessions.ts';
