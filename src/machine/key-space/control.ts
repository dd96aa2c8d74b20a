import type { ClusterTime, Epoch } from '../../core/ids.ts';
import type { AuthRequest, AuthResult } from './auth/requests.ts';

/**
 * What is asked of the key space besides keys: compaction, leases, alarms and users. Like all commands these are ordered
 * through the protocol; those that say so are ordered by the leader on its own account, never by a client.
 */
export interface CompactRequest {
  readonly type: 'compact';
  /** Reads below it are refused from now on. */
  readonly revision: bigint;
}

/** One step of giving back what the last compaction made superfluous. By the leader. */
export interface SweepRequest {
  readonly type: 'sweep';
}

export interface GrantRequest {
  readonly type: 'grant';
  /** Chosen by whoever asks; not 0. */
  readonly lease: bigint;
  /** Seconds, 1 or more. */
  readonly ttl: number;
}

/** Ends a lease, and deletes its keys under one revision. */
export interface RevokeRequest {
  readonly type: 'revoke';
  readonly lease: bigint;
}

/** Keep-alives, gathered: each lease that is there lives for its whole time to live from now on. */
export interface RenewRequest {
  readonly type: 'renew';
  /** `maxRenewals` at most. */
  readonly leases: readonly bigint[];
}

/** All leases count as renewed: a leader is new, or was asleep while keep-alives came. By the leader. */
export interface LeaseTermRequest {
  readonly type: 'leaseTerm';
}

/** Ends some of the leases that were due at `until`. By the leader of `epoch`; of any other epoch it does nothing. */
export interface ExpireRequest {
  readonly type: 'expire';
  readonly epoch: Epoch;
  readonly until: ClusterTime;
}

export const alarmTypes = ['noSpace', 'corrupt'] as const;

/**
 * `noSpace`: nothing is put and no lease granted. `corrupt`: nothing is answered but alarms. No replica raises this one
 * by itself: whoever compares the hashes of the members does, by hand or by a program.
 */
export type AlarmType = (typeof alarmTypes)[number];

export interface Alarm {
  readonly member: bigint;
  readonly alarm: AlarmType;
}

export interface AlarmRequest extends Alarm {
  readonly type: 'alarm';
  readonly action: 'activate' | 'deactivate';
}

export type ControlCommand =
  | CompactRequest
  | SweepRequest
  | GrantRequest
  | RevokeRequest
  | RenewRequest
  | LeaseTermRequest
  | ExpireRequest
  | AlarmRequest
  | AuthRequest;

export interface CompactResult {
  readonly type: 'compact';
}

export interface SweepResult {
  readonly type: 'sweep';
  /** Nothing superfluous is left. */
  readonly done: boolean;
}

export interface GrantResult {
  readonly type: 'grant';
  readonly lease: bigint;
  readonly ttl: number;
}

export interface RevokeResult {
  readonly type: 'revoke';
  /** Keys. */
  readonly deleted: number;
}

export interface RenewResult {
  readonly type: 'renew';
  /** Seconds that each lease lives now, in the order of the request; 0 for one that is not there. */
  readonly ttls: readonly number[];
}

export interface LeaseTermResult {
  readonly type: 'leaseTerm';
}

export interface ExpireResult {
  readonly type: 'expire';
  /** Leases. */
  readonly expired: number;
}

export interface AlarmResult {
  readonly type: 'alarm';
  /** The alarm that stands now, or that was taken back; empty when there was none to take back. */
  readonly alarms: readonly Alarm[];
}

export type ControlResult =
  | CompactResult
  | SweepResult
  | GrantResult
  | RevokeResult
  | RenewResult
  | LeaseTermResult
  | ExpireResult
  | AlarmResult
  | AuthResult;
