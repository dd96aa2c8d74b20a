import type { ControlCommand, ControlResult } from './control.ts';
import type { KeyRange } from './key-range.ts';

/**
 * What can be asked of the key space, whoever asks: doors translate foreign clients into these. Keys are 1 byte or
 * longer; revisions, versions and leases are 64-bit.
 */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** 1 at creation, plus one for each change; starts again after a delete. */
  readonly version: bigint;
  /** 0 when attached to none. */
  readonly lease: bigint;
}

export interface PutRequest {
  readonly type: 'put';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  /** Answer with the pair that was replaced. */
  readonly previous: boolean;
  /** Keep the present value, or lease; the key must exist. */
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRequest {
  readonly type: 'delete';
  readonly range: KeyRange;
  readonly previous: boolean;
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

export interface RangeRequest {
  readonly type: 'range';
  readonly range: KeyRange;
  /** At most so many pairs; 0 means all. Applied after filters and sorting. */
  readonly limit: number;
  /** 0 or less for the present. */
  readonly revision: bigint;
  /** By key, ascending, when undefined. Equals stay in the order of their keys. */
  readonly sort: { readonly target: SortTarget; readonly descending: boolean } | undefined;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** Bounds, both included; 0 means none. They do not change `count`. */
  readonly minModRevision: bigint;
  readonly maxModRevision: bigint;
  readonly minCreateRevision: bigint;
  readonly maxCreateRevision: bigint;
}

/** A range of the present, whole and in order, but for what `but` says. */
export const rangeOf = (
  range: KeyRange,
  but: Partial<Omit<RangeRequest, 'type' | 'range'>> = {},
): RangeRequest => ({
  type: 'range',
  range,
  limit: 0,
  revision: 0n,
  sort: undefined,
  keysOnly: false,
  countOnly: false,
  minModRevision: 0n,
  maxModRevision: 0n,
  minCreateRevision: 0n,
  maxCreateRevision: 0n,
  ...but,
});

/** A put without a lease that answers with nothing, but for what `but` says. */
export const putOf = (
  key: Uint8Array,
  value: Uint8Array,
  but: Partial<Omit<PutRequest, 'type' | 'key' | 'value'>> = {},
): PutRequest => ({
  type: 'put',
  key,
  value,
  lease: 0n,
  previous: false,
  ignoreValue: false,
  ignoreLease: false,
  ...but,
});

export type CompareTarget = 'version' | 'create' | 'mod' | 'value' | 'lease';

/**
 * Holds when it holds for every key in the range. A range without keys counts as one key that is all zeros, and no
 * comparison with its value holds, `notEqual` neither.
 */
export type Compare = {
  readonly range: KeyRange;
  readonly relation: 'equal' | 'greater' | 'less' | 'notEqual';
} & (
  | { readonly target: 'value'; readonly operand: Uint8Array }
  | { readonly target: Exclude<CompareTarget, 'value'>; readonly operand: bigint }
);

export interface TxnRequest {
  readonly type: 'txn';
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type Operation = RangeRequest | PutRequest | DeleteRequest | TxnRequest;

/** What is ordered through the protocol. A transaction that only reads is served as a read. */
export type KeyCommand = PutRequest | DeleteRequest | TxnRequest | ControlCommand;

export interface RangeResult {
  readonly type: 'range';
  readonly pairs: readonly KeyValue[];
  /** The limit left pairs out. */
  readonly more: boolean;
  /** Keys in the range, whatever the limit and the bounds. */
  readonly count: number;
}

export interface PutResult {
  readonly type: 'put';
  readonly previous: KeyValue | undefined;
}

export interface DeleteResult {
  readonly type: 'delete';
  readonly deleted: number;
  readonly previous: readonly KeyValue[];
}

export interface TxnResult {
  readonly type: 'txn';
  readonly succeeded: boolean;
  readonly results: readonly OperationResult[];
}

export type OperationResult = RangeResult | PutResult | DeleteResult | TxnResult;

/** Refusals by the key space; nothing was changed. Numbered in this order on the wire: append only. */
export const keyErrorCodes = [
  /** The value or lease of a missing key was to be kept. */
  'keyNotFound',
  'emptyKey',
  /** Longer than `maxEscapedKeyBytes` (3,989), where each zero byte counts twice. */
  'keyTooLong',
  /** One path of a transaction puts a key twice, or puts a key that it deletes. */
  'duplicateKey',
  'tooManyOperations',
  /** A value, or a lease, next to the wish to keep the present one. */
  'valueProvided',
  'leaseProvided',
  'leaseNotFound',
  'compacted',
  'futureRevision',
  /** Not a command of this version. */
  'malformed',
  /** More than `maxTxnAnswerBytes`: read in parts, outside of the transaction. */
  'answerTooLarge',
  'leaseExists',
  /** Longer than `maxLeaseTtl`. */
  'leaseTtlTooLarge',
  /** An alarm says that there is no room: deletes and compactions go on. */
  'noSpace',
  /** An alarm says that the replicas differ: nothing is answered. */
  'corrupt',
  'rootUserNotExist',
  'rootRoleNotExist',
  /** A user without a name; or nobody, where users are asked for. */
  'userEmpty',
  'userNotFound',
  'userAlreadyExists',
  'roleEmpty',
  'roleNotFound',
  'roleAlreadyExists',
  'roleNotGranted',
  'permissionNotGranted',
  'permissionDenied',
  /** Users, roles or permissions have changed since the request was let through. */
  'authOldRevision',
  /** It would leave nobody who may do everything, or is a permission on no keys. */
  'invalidAuthManagement',
  /** More, or longer, than is kept of users, roles and permissions. */
  'authLimit',
  /** More alarms stand than there may be: take some back. */
  'tooManyAlarms',
] as const;

export type KeyErrorCode = (typeof keyErrorCodes)[number];

export interface KeyError {
  readonly type: 'error';
  readonly code: KeyErrorCode;
}

export type KeyResult = OperationResult | ControlResult;

/** `revision`: that of the write itself, or the present one when nothing was written. */
export interface KeyAnswer {
  readonly revision: bigint;
  readonly result: KeyResult | KeyError;
}
