import { type Bytes, bytesOf } from './bytes.ts';
import type {
  CallOptions,
  Coordination,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  Lease,
  Operation,
  PutOptions,
  PutResult,
  RangeQuery,
  RangeResult,
  Results,
  ScanOptions,
  Selection,
  Txn,
  TxnResult,
  Watch,
  WatchQuery,
} from './coordination.ts';
import type { Driver, DriverCall } from './driver.ts';
import type { Entry } from './entry.ts';
import { CoordinationError } from './errors.ts';
import { KeptLease } from './kept-lease.ts';
import { keyRange } from './key-range.ts';
import { leaseId, op, selectionOf, when } from './operations.ts';
import {
  type Barrier,
  barrier,
  type DoubleBarrier,
  doubleBarrier,
  type ElectOptions,
  type Endpoint,
  elect,
  endpoints,
  type Group,
  group,
  type Leadership,
  type Lock,
  type LockOptions,
  leader,
  lock,
  observe,
  type Queue,
  queue,
  type RegisterOptions,
  type Registration,
  register,
  watchEndpoints,
} from './recipes/index.ts';
import {
  deadlineOf,
  validateCondition,
  validateNumber,
  validateOperation,
  validateView,
  validateWatch,
} from './validation.ts';

interface SignalOption {
  readonly signal?: AbortSignal | undefined;
}

const defaultPageSize = 1_000;

/** A client of one store, over whatever `Driver` reaches it. Close it, or `await using` it: its leases are revoked then. */
export class Client implements Coordination, AsyncDisposable {
  readonly #driver: Driver;
  readonly #deadlineMs: number;
  readonly #leases = new Set<KeptLease>();
  #closing: Promise<void> | undefined;

  constructor(driver: Driver, deadlineMs: number) {
    this.#driver = driver;
    this.#deadlineMs = deadlineOf(deadlineMs);
  }

  async get(key: Bytes, options: GetOptions = {}): Promise<Entry | undefined> {
    const { revision, consistency } = options;
    const { entries } = await this.range({ key, revision, consistency }, options);
    return entries[0];
  }

  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<PutResult> {
    const { ifRevision } = options;
    const lease = leaseId(options.lease);
    validateNumber('lease', lease);
    if (ifRevision === undefined) {
      const call = this.#call(options);
      return { revision: await this.#driver.put({ key: bytesOf(key), value: bytesOf(value), lease }, call) };
    }
    const answer = await this.#onlyIf(key, ifRevision, op.put(key, value, lease), options);
    return { revision: answer.revision };
  }

  async del(what: Bytes | Selection, options: DeleteOptions = {}): Promise<DeleteResult> {
    const { ifRevision } = options;
    const selection = selectionOf(what);
    if (ifRevision === undefined) return this.#driver.del(selection, this.#call(options));
    if (!('key' in selection)) {
      throw new CoordinationError('invalid', 'refused', '`ifRevision` is for a single key; nothing was sent');
    }
    const { revision, results } = await this.#onlyIf(selection.key, ifRevision, op.del(what), options);
    return { revision, deleted: results[0].deleted };
  }

  async range(query: RangeQuery, options: CallOptions = {}): Promise<RangeResult> {
    validateView(query);
    return this.#driver.range(query, this.#call(options));
  }

  async *scan(
    query: Selection & { readonly revision?: bigint },
    options: ScanOptions = {},
  ): AsyncIterableIterator<Entry> {
    const limit = options.pageSize ?? defaultPageSize;
    let page = await this.range({ ...query, limit }, options);
    const revision = query.revision ?? page.revision;
    for (;;) {
      yield* page.entries;
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return;
      page = await this.range({ ...behind(query, last.key), revision, limit }, options);
    }
  }

  async txn<const Do extends readonly Operation[] = [], const Else extends readonly Operation[] = []>(
    txn: Txn<Do, Else>,
    options: CallOptions = {},
  ): Promise<TxnResult<Do, Else>> {
    const asked = { conditions: txn.if ?? [], success: txn.do ?? [], failure: txn.else ?? [] };
    asked.conditions.forEach(validateCondition);
    [...asked.success, ...asked.failure].forEach(validateOperation);
    const { succeeded, revision, results } = await this.#driver.txn(asked, this.#call(options));
    // The driver answers operation by operation, in their order.
    return succeeded
      ? { succeeded, revision, results: results as unknown as Results<Do> }
      : { succeeded, revision, results: results as unknown as Results<Else> };
  }

  watch(query: WatchQuery): Watch {
    this.#refuseIfClosed();
    validateWatch(query);
    return this.#driver.watch(query);
  }

  async lease(ttlSeconds: number, options: CallOptions = {}): Promise<Lease> {
    const lease = await KeptLease.grant(this.#driver, ttlSeconds, this.#call(options), {
      deadlineMs: this.#deadlineMs,
      ended: (ended) => this.#leases.delete(ended),
    });
    if (this.#closing !== undefined) {
      // It came too late to be revoked with the others.
      await lease[Symbol.asyncDispose]();
      throw closed();
    }
    if (!lease.lost.aborted) this.#leases.add(lease);
    return lease;
  }

  /** Waits for the lock `name`, in the order of asking. See `Lock` for what it does not protect from. */
  lock(name: string, options?: LockOptions): Promise<Lock> {
    return lock(this, name, options);
  }

  /** Stands for election under `value`, and resolves when it is won. */
  elect(name: string, value: Bytes, options?: ElectOptions): Promise<Leadership> {
    return elect(this, name, value, options);
  }

  /** Who leads now, if anybody does. */
  leader(name: string, options?: CallOptions): Promise<Entry | undefined> {
    return leader(this, name, options);
  }

  /** Who leads now, and after each change; undefined while nobody does. */
  observe(name: string, options?: SignalOption): AsyncIterableIterator<Entry | undefined> {
    return observe(this, name, options);
  }

  /** Everyone who waits goes on when it is opened. */
  barrier(name: string): Barrier {
    return barrier(this, name);
  }

  /** So many begin together, and end together. */
  doubleBarrier(name: string, members: number): DoubleBarrier {
    return doubleBarrier(this, name, members);
  }

  /** A queue with priorities. */
  queue(name: string): Queue {
    return queue(this, name);
  }

  /** Who is there. */
  group(name: string): Group {
    return group(this, name);
  }

  /** Lists an address under a service, until it is closed. */
  register(service: string, address: string, options?: RegisterOptions): Promise<Registration> {
    return register(this, service, address, options);
  }

  /** The addresses that are listed under a service. */
  endpoints(service: string, options?: CallOptions): Promise<readonly Endpoint[]> {
    return endpoints(this, service, options);
  }

  /** The addresses now, and after each change. */
  watchEndpoints(service: string, options?: SignalOption): AsyncIterableIterator<readonly Endpoint[]> {
    return watchEndpoints(this, service, options);
  }

  /** Revokes the leases, ends the watches, and closes the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#leases].map((lease) => lease[Symbol.asyncDispose]()));
    await this.#driver.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #onlyIf<const T extends Operation>(
    key: Bytes,
    revision: bigint,
    operation: T,
    options: CallOptions,
  ): Promise<{ readonly revision: bigint; readonly results: Results<readonly [T]> }> {
    const answer = await this.txn(
      { if: [when.modRevision(key, '=', revision)], do: [operation], else: [op.get(key)] },
      options,
    );
    if (answer.succeeded) return answer;
    const [entry] = answer.results;
    const found = entry === undefined ? 'there is no such key' : `it is at revision ${entry.modRevision}`;
    throw new CoordinationError(
      'revisionMismatch',
      'refused',
      `the key is not at revision ${revision}: ${found}. Nothing happened`,
      { entry },
    );
  }

  #call({ signal, deadlineMs }: CallOptions): DriverCall {
    this.#refuseIfClosed();
    if (signal?.aborted === true) {
      throw new CoordinationError('aborted', 'refused', 'given up before anything was sent', {
        cause: signal.reason,
      });
    }
    return { signal, deadlineMs: deadlineMs === undefined ? this.#deadlineMs : deadlineOf(deadlineMs) };
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

const closed = (): CoordinationError => new CoordinationError('closed', 'refused', 'the client is closed');

/** What is left of a selection behind `key`. */
function behind(selection: Selection, key: Uint8Array): Selection {
  const from = new Uint8Array(key.length + 1);
  from.set(key);
  const { to } = keyRange(selection);
  return { from, to };
}
