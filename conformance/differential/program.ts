/**
 * A program is what one client asks of one server, in symbols that mean the same at every server: texts with one
 * character per byte for keys and values, and numbers that `Names` turns into revisions and leases.
 */
export type Program = readonly Step[];

/** One character per byte. */
export type Text = string;

/** 0 and below as they are; n > 0 is n - 3 revisions after the one at which the program begins. */
export type RevisionName = number;

/** 0 for none; 1 to 4 are ids that clients choose, larger ones count the leases whose id the server has chosen. */
export type LeaseName = number;

export interface RangeOperation {
  readonly type: 'range';
  readonly key: Text;
  readonly end: Text;
  readonly limit: number;
  readonly revision: RevisionName;
  readonly sortOrder: number;
  readonly sortTarget: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minMod: RevisionName;
  readonly maxMod: RevisionName;
  readonly minCreate: RevisionName;
  readonly maxCreate: RevisionName;
}

export interface PutOperation {
  readonly type: 'put';
  readonly key: Text;
  readonly value: Text;
  readonly lease: LeaseName;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteOperation {
  readonly type: 'delete';
  readonly key: Text;
  readonly end: Text;
  readonly prevKv: boolean;
}

export type Operand =
  | { readonly of: 'version'; readonly version: number }
  | { readonly of: 'create' | 'mod'; readonly revision: RevisionName }
  | { readonly of: 'value'; readonly value: Text }
  | { readonly of: 'lease'; readonly lease: LeaseName }
  | { readonly of: 'nothing' };

export interface Comparison {
  readonly key: Text;
  readonly end: Text;
  readonly target: number;
  readonly relation: number;
  readonly operand: Operand;
}

export interface TxnOperation {
  readonly type: 'txn';
  readonly compare: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type Operation =
  | RangeOperation
  | PutOperation
  | DeleteOperation
  | TxnOperation
  /** An operation of a transaction that asks for nothing. */
  | { readonly type: 'empty' };

export interface WatchStep {
  readonly type: 'watch';
  readonly stream: number;
  readonly key: Text;
  readonly end: Text;
  readonly start: RevisionName;
  readonly prevKv: boolean;
  readonly filters: readonly number[];
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  readonly watchId: number;
}

/** `lease` is one that the client has named, since the keys of locks and candidates bear its number. */
export type RecipeStep =
  | { readonly type: 'lock'; readonly name: Text; readonly lease: LeaseName }
  | { readonly type: 'unlock'; readonly key: Text }
  | { readonly type: 'campaign'; readonly name: Text; readonly lease: LeaseName; readonly value: Text }
  | { readonly type: 'proclaim'; readonly name: Text; readonly value: Text }
  | { readonly type: 'resign'; readonly name: Text }
  | { readonly type: 'leader'; readonly name: Text };

export type Step =
  | RangeOperation
  | PutOperation
  | DeleteOperation
  | TxnOperation
  | { readonly type: 'compact'; readonly revision: RevisionName; readonly physical: boolean }
  | { readonly type: 'grant'; readonly lease: LeaseName; readonly ttl: number }
  /** A lease that may end by itself at once: granted, and revoked without looking at how that went. */
  | { readonly type: 'grantShort'; readonly ttl: number }
  | { readonly type: 'revoke'; readonly lease: LeaseName }
  | { readonly type: 'timeToLive'; readonly lease: LeaseName; readonly keys: boolean }
  | { readonly type: 'keepAlive'; readonly lease: LeaseName }
  | { readonly type: 'leases' }
  | WatchStep
  | { readonly type: 'cancel'; readonly stream: number; readonly watchId: number }
  | { readonly type: 'progress'; readonly stream: number }
  | RecipeStep;

/** A step in one line, without what has its usual value. */
export function stepText(step: Step): string {
  return JSON.stringify(step, (_key, value) => {
    if (typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).filter(([, each]) => !isUsual(each)));
  });
}

const isUsual = (value: unknown): boolean =>
  value === 0 || value === '' || value === false || (Array.isArray(value) && value.length === 0);
