import type { CallOptions, Condition, Coordination, Lease } from '../coordination.ts';
import type { Bytes, Entry } from '../entry.ts';
import { CoordinationError, codeOf } from '../errors.ts';
import { op, when } from '../operations.ts';
import { pause } from '../pause.ts';
import { mayPass, retryMs } from './retry.ts';

export interface SeatOptions {
  /** Seconds that the key outlives us if we die, or are cut off. */
  readonly ttl?: number | undefined;
  /** Gives up waiting, and leaves the queue. */
  readonly signal?: AbortSignal | undefined;
}

const defaultTtl = 10;

/**
 * A key of our own below `name`, `name/<lease in hex>`, that lives as long as our lease: the scheme of etcd's locks and
 * elections, so that their clients and ours wait for each other. Who came first, by create revision, is first.
 */
export class Seat implements AsyncDisposable {
  readonly key: string;
  /** Of our key: no two seats of a name ever have the same, and later ones have greater ones. */
  readonly revision: bigint;
  readonly #coordination: Coordination;
  readonly #name: string;
  readonly #lease: Lease;
  readonly #lost = new AbortController();

  static async take(
    coordination: Coordination,
    name: string,
    value: Bytes,
    { ttl = defaultTtl, signal }: SeatOptions,
  ): Promise<Seat> {
    const lease = await coordination.lease(ttl, { signal });
    try {
      const key = `${name}/${lease.id.toString(16)}`;
      const revision = await putOnce(coordination, key, value, lease, signal);
      return new Seat(coordination, name, key, revision, lease);
    } catch (error) {
      await lease[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(coordination: Coordination, name: string, key: string, revision: bigint, lease: Lease) {
    this.#coordination = coordination;
    this.#name = name;
    this.key = key;
    this.revision = revision;
    this.#lease = lease;
    lease.lost.addEventListener('abort', () => this.#lost.abort(lease.lost.reason), { once: true });
    void this.#guard();
  }

  /** Fires when the lease is lost, and when somebody deletes the key. */
  get lost(): AbortSignal {
    // Asking for it has the lease look at the clock.
    void this.#lease.lost;
    return this.#lost.signal;
  }

  get ttl(): number {
    return this.#lease.ttl;
  }

  /** Holds in a transaction as long as the seat is ours, whatever this process believes. */
  get condition(): Condition {
    return when.createRevision(this.key, '=', this.revision);
  }

  /** Resolves when nobody is before us, and our key was seen to be there after that. */
  async first(signal: AbortSignal | undefined): Promise<void> {
    const either = signal === undefined ? this.#lost.signal : AbortSignal.any([signal, this.#lost.signal]);
    while (!(await this.#isFirst(either))) {
      if (signal?.aborted === true) {
        throw new CoordinationError('aborted', 'refused', 'given up waiting', { cause: signal.reason });
      }
      if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
    }
  }

  /** Rejects with code `leaseLost` when the seat is not ours any more. */
  async update(value: Bytes, options: CallOptions): Promise<bigint> {
    const { succeeded, revision } = await this.#coordination.txn(
      { if: [this.condition], do: [op.put(this.key, value, this.#lease)] },
      options,
    );
    if (succeeded) return revision;
    this.#lose('the key is gone');
    throw new CoordinationError('leaseLost', 'refused', 'the key is gone, nothing was put');
  }

  async leave(options: CallOptions = {}): Promise<void> {
    await this.#lease.revoke(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]();
  }

  /** One step of waiting; false when the world may have changed, or could not be asked. */
  async #isFirst(signal: AbortSignal): Promise<boolean> {
    try {
      const before = await this.#neighbour(signal);
      if (before === undefined) return await this.#stillThere(signal);
      await untilDeleted(this.#coordination, before.entry, before.revision, signal);
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (!signal.aborted) await pause(retryMs, signal);
    }
    return false;
  }

  /** Whoever came right before us: to wait for that one alone wakes one when one leaves. */
  async #neighbour(signal: AbortSignal): Promise<{ entry: Entry; revision: bigint } | undefined> {
    const { entries, revision } = await this.#coordination.range(
      {
        prefix: `${this.#name}/`,
        maxCreateRevision: this.revision - 1n,
        sort: { by: 'create', descending: true },
        limit: 1,
        keysOnly: true,
      },
      { signal },
    );
    const [entry] = entries;
    return entry === undefined ? undefined : { entry, revision };
  }

  /** The lease may have run out while we waited: who then goes on holds a lock that is also another's. */
  async #stillThere(signal: AbortSignal): Promise<boolean> {
    const entry = await this.#coordination.get(this.key, { signal });
    if (entry?.createRevision === this.revision) return !this.lost.aborted;
    this.#lose('the key was deleted while waiting');
    return false;
  }

  async #guard(): Promise<void> {
    const { signal } = this.#lost;
    let fromRevision = this.revision + 1n;
    while (!signal.aborted) {
      try {
        for await (const event of this.#coordination.watch({ key: this.key, fromRevision, signal })) {
          if (event.type === 'delete') return this.#lose('somebody deleted the key');
          fromRevision = event.revision + 1n;
        }
      } catch (error) {
        if (signal.aborted || codeOf(error) === 'closed') return;
        // History is gone: what became of the key can still be seen.
        await pause(retryMs, signal);
        const { entries, revision } = await this.#coordination
          .range({ key: this.key }, { signal })
          .catch(() => ({ entries: undefined, revision: 0n }));
        if (entries === undefined) continue;
        if (entries[0]?.createRevision !== this.revision) return this.#lose('the key is gone');
        fromRevision = revision + 1n;
      }
    }
  }

  #lose(why: string): void {
    if (this.#lost.signal.aborted) return;
    this.#lost.abort(new CoordinationError('leaseLost', 'refused', why));
    void this.#lease[Symbol.asyncDispose]();
  }
}

/** Repeating it is safe: nobody else uses a key with our lease in its name. */
async function putOnce(
  coordination: Coordination,
  key: string,
  value: Bytes,
  lease: Lease,
  signal: AbortSignal | undefined,
): Promise<bigint> {
  for (;;) {
    try {
      const answer = await coordination.txn(
        { if: [when.missing(key)], do: [op.put(key, value, lease)], else: [op.get(key)] },
        { signal },
      );
      if (answer.succeeded) return answer.revision;
      const [entry] = answer.results;
      if (entry !== undefined) return entry.createRevision;
    } catch (error) {
      if (signal?.aborted === true || !mayPass(error)) throw error;
      if (lease.lost.aborted) throw lease.lost.reason;
      await pause(retryMs, lease.lost);
    }
  }
}

async function untilDeleted(
  coordination: Coordination,
  { key }: Entry,
  revision: bigint,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of coordination.watch({ key, fromRevision: revision + 1n, signal })) {
    if (event.type === 'delete') return;
  }
}
