import type { Bytes } from './bytes.ts';
import type { Entry } from './entry.ts';

/** For every call with one answer. */
export interface CallOptions {
  /** Gives up; a write that was already sent then ends with outcome `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, over all servers that are tried. The client's default is 5,000. */
  readonly deadlineMs?: number | undefined;
}

/** Which keys: one, all that begin with a prefix (`''`: all keys), or all of [from, to), without `to` up to the last. */
export type Selection =
  | { readonly key: Bytes }
  | { readonly prefix: Bytes }
  | { readonly from: Bytes; readonly to?: Bytes | undefined };

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

/** `linearizable` sees every write that was acknowledged before; `local` is what the asked server has, maybe old. */
export type Consistency = 'linearizable' | 'local';

export interface RangeView {
  /** At most so many entries; the answer says whether there are more. */
  readonly limit?: number | undefined;
  /** The past, as it was at this revision. */
  readonly revision?: bigint | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  /** By key, ascending, unless told otherwise. Equals stay in the order of their keys. */
  readonly sort?: { readonly by: SortTarget; readonly descending?: boolean | undefined } | undefined;
  /** Bounds, both included. */
  readonly minCreateRevision?: bigint | undefined;
  readonly maxCreateRevision?: bigint | undefined;
  readonly minModRevision?: bigint | undefined;
  readonly maxModRevision?: bigint | undefined;
}

export type RangeQuery = Selection & RangeView & { readonly consistency?: Consistency | undefined };

export interface RangeResult {
  readonly entries: readonly Entry[];
  /** Keys in the selection, whatever limit and bounds. */
  readonly count: number;
  /** The limit left entries out. */
  readonly more: boolean;
  /** Of the store when it was read: a watch from the next one misses nothing. */
  readonly revision: bigint;
}

export interface GetOptions extends CallOptions {
  readonly revision?: bigint | undefined;
  readonly consistency?: Consistency | undefined;
}

export interface PutOptions extends CallOptions {
  /** Put only if the key's `modRevision` is this one; 0n: only if there is no such key. */
  readonly ifRevision?: bigint | undefined;
  /** The key is deleted together with this lease. */
  readonly lease?: Lease | bigint | undefined;
}

export interface PutResult {
  readonly revision: bigint;
}

export interface DeleteOptions extends CallOptions {
  /** Delete only if the key's `modRevision` is this one; for a single key. */
  readonly ifRevision?: bigint | undefined;
}

export interface DeleteResult {
  readonly revision: bigint;
  readonly deleted: number;
}

export interface ScanOptions extends CallOptions {
  /** Entries in one call. 1,000 by default. */
  readonly pageSize?: number | undefined;
}

export interface Event {
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  /** The key as UTF-8 text. */
  readonly name: string;
  readonly revision: bigint;
  /** What was put; undefined for a delete. */
  readonly entry: Entry | undefined;
  /** What was there before, if `previous` was asked for and it is still in history. */
  readonly previous: Entry | undefined;
}

/** All events of one revision, in their order: a transaction is seen whole or not at all. */
export interface Change {
  readonly revision: bigint;
  readonly events: readonly Event[];
}

export type WatchQuery = Selection & {
  /** From this revision on, it included; 1 or more. Without it: from what comes after the watch was opened. */
  readonly fromRevision?: bigint | undefined;
  /**
   * `changes()` also tells how far the watch has come while nothing happens, as a change without events: a cluster every half
   * minute, a replica in this process every ten minutes.
   */
  readonly progress?: boolean | undefined;
  /** Hand out what was there before each event, too. */
  readonly previous?: boolean | undefined;
  /** Ends the watch; the loop ends without an error. */
  readonly signal?: AbortSignal | undefined;
};

/**
 * Events in the order of their revisions, each exactly once, over reconnects, changes of leader and lost servers. It ends
 * when it is closed, by its signal, or by an error that resuming cannot mend: `compacted` when history was compacted
 * before it was seen.
 */
export interface Watch extends AsyncIterable<Event>, AsyncDisposable {
  /** Resolves when the watch stands, to the last revision that it does not show. */
  readonly ready: Promise<bigint>;
  /** The same by revision: what to bookmark. Take either this or the events, once. */
  changes(): AsyncIterableIterator<Change>;
  close(): void;
}

/** Keys that are attached to a lease live as long as we renew it, which is done until it is revoked or lost. */
export interface Lease extends AsyncDisposable {
  readonly id: bigint;
  /** Seconds, as the server granted them: never less than asked for. */
  readonly ttl: number;
  /**
   * Fires when the lease is revoked, when a server says that it is gone, and by our own clock before a server that we
   * cannot reach may take it for expired. The reason is a `CoordinationError` with code `leaseLost`.
   */
  readonly lost: AbortSignal;
  /** Gives it up at once, and deletes its keys. */
  revoke(options?: CallOptions): Promise<void>;
  /** Revokes, and leaves a failure to the time to live. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type Relation = '=' | '!=' | '<' | '>';

/** A comparison of a transaction; made by `when`. A key that is not there has 0 everywhere, and no value. */
export type Condition =
  | {
      readonly target: 'version' | 'create' | 'mod' | 'lease';
      readonly selection: Selection;
      readonly relation: Relation;
      readonly operand: bigint;
    }
  | {
      readonly target: 'value';
      readonly selection: Selection;
      readonly relation: Relation;
      readonly operand: Bytes;
    };

export interface PutOperation {
  readonly type: 'put';
  readonly key: Bytes;
  readonly value: Bytes;
  readonly lease: bigint;
}

export interface DeleteOperation {
  readonly type: 'delete';
  readonly selection: Selection;
}

export interface GetOperation {
  readonly type: 'get';
  readonly key: Bytes;
}

export interface RangeOperation {
  readonly type: 'range';
  readonly query: Selection & RangeView;
}

export type Operation = PutOperation | DeleteOperation | GetOperation | RangeOperation;

/** What an operation of a transaction answers: nothing for a put, how many for a delete. */
export type ResultOf<T extends Operation> = T extends GetOperation
  ? Entry | undefined
  : T extends RangeOperation
    ? RangeResult
    : T extends DeleteOperation
      ? { readonly deleted: number }
      : undefined;

export type Results<T extends readonly Operation[]> = { readonly [At in keyof T]: ResultOf<T[At]> };

/** `do` is done if all conditions hold, `else` otherwise: one revision, whole or not at all. */
export interface Txn<Do extends readonly Operation[], Else extends readonly Operation[]> {
  readonly if?: readonly Condition[];
  readonly do?: Do;
  readonly else?: Else;
}

export type TxnResult<Do extends readonly Operation[], Else extends readonly Operation[]> =
  | { readonly succeeded: true; readonly revision: bigint; readonly results: Results<Do> }
  | { readonly succeeded: false; readonly revision: bigint; readonly results: Results<Else> };

/**
 * A key-value store with revisions, transactions, watches and leases: what the recipes are written against. Every method
 * rejects with `CoordinationError`.
 */
export interface Coordination {
  get(key: Bytes, options?: GetOptions): Promise<Entry | undefined>;
  /** With `ifRevision`, another revision rejects with code `revisionMismatch`: nothing was put. */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult>;
  del(what: Bytes | Selection, options?: DeleteOptions): Promise<DeleteResult>;
  range(query: RangeQuery, options?: CallOptions): Promise<RangeResult>;
  /** All entries of a selection, page by page, all as they were at the revision of the first page. */
  scan(
    query: Selection & { readonly revision?: bigint },
    options?: ScanOptions,
  ): AsyncIterableIterator<Entry>;
  txn<const Do extends readonly Operation[] = [], const Else extends readonly Operation[] = []>(
    txn: Txn<Do, Else>,
    options?: CallOptions,
  ): Promise<TxnResult<Do, Else>>;
  watch(query: WatchQuery): Watch;
  /** `ttlSeconds` is a wish: a server may grant more. */
  lease(ttlSeconds: number, options?: CallOptions): Promise<Lease>;
}
