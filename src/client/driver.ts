import type {
  Condition,
  DeleteResult,
  Operation,
  RangeQuery,
  RangeResult,
  ResultOf,
  Selection,
  Watch,
  WatchQuery,
} from './coordination.ts';

export interface DriverCall {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds from now. */
  readonly deadlineMs: number;
}

export interface DriverTxn {
  readonly conditions: readonly Condition[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface DriverTxnResult {
  readonly succeeded: boolean;
  readonly revision: bigint;
  /** One for each operation of the branch that was taken. */
  readonly results: readonly ResultOf<Operation>[];
}

export interface Grant {
  readonly id: bigint;
  /** Seconds. */
  readonly ttl: number;
}

/** What a store has to do to be coordinated with. All methods reject with `CoordinationError`. */
export interface Driver {
  range(query: RangeQuery, call: DriverCall): Promise<RangeResult>;
  put(
    entry: { readonly key: Uint8Array; readonly value: Uint8Array; readonly lease: bigint },
    call: DriverCall,
  ): Promise<bigint>;
  del(selection: Selection, call: DriverCall): Promise<DeleteResult>;
  txn(txn: DriverTxn, call: DriverCall): Promise<DriverTxnResult>;
  watch(query: WatchQuery): Watch;
  grant(ttlSeconds: number, call: DriverCall): Promise<Grant>;
  /** Seconds that the lease has from now on; 0 when it is gone. */
  renew(lease: bigint, call: DriverCall): Promise<number>;
  /** Of a lease that is gone already: no error. */
  revoke(lease: bigint, call: DriverCall): Promise<void>;
  close(): Promise<void>;
}
