/**
 * A replica inside a program: `Replica.open`. For hosts of their own making, the simulator's among them, `openReplica`
 * builds the same replica over any disk, network and clock.
 */

export { TlsNetwork, type TlsOptions } from '../transport/tls.ts';
export type { ClusterMember } from './identity.ts';
export type { LogLevel, ReplicaObserver, TurnLoad } from './observer.ts';
export { openReplica } from './open.ts';
export type { ReplicaCoreOptions } from './options.ts';
export { Replica, type ReplicaOptions } from './replica.ts';
export type { ReplicaCore } from './replica-core.ts';
export { ReplicaError, type ReplicaErrorCode } from './replica-error.ts';
export type * from './types.ts';
