import type { NodeId } from '../core/ids.ts';
import type { Effect, Protocol } from './contract.ts';

/**
 * What holds between replicas, and from one start of a replica to the next: fed by observation, so that a crash forgets
 * nothing. Throws `InvariantViolation` as soon as something cannot be.
 */
export interface ClusterInvariants {
  /** After each step of a replica, with the effects of that step. */
  observe(id: NodeId, protocol: Protocol, effects: readonly Effect[]): void;
  /** The replica starts again, from its disk. */
  restarted(id: NodeId): void;
}
