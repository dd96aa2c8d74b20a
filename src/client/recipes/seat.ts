import type { Bytes } from '../bytes.ts';
import type { CallOptions, Condition, Coordination, Lease } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { CoordinationError } from '../errors.ts';
import { op, when } from '../operations.ts';
import { pause } from '../pause.ts';
import { HeldKey } from './held-key.ts';
import { defaultTtl, mayPass, retryMs } from './retry.ts';

export interface SeatOptions {
  /** Seconds that the key outlives us if we die, or are cut off. 10 by default. */
  readonly ttl?: number | undefined;
  /** Gives up waiting, and leaves the queue. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A key of our own below `name`, `name/<lease in hex>`, that lives as long as our lease: the scheme of etcd's locks and
 * elections, so that their clients and ours wait for each other. Who came first, by create revision, is first.
 */
export class Seat implements AsyncDisposable {
  readonly #coordination: Coordination;
  readonly #name: string;
  readonly #held: HeldKey;

  static async take(
    coordination: Coordination,
    name: string,
    value: Bytes,
    { ttl = defaultTtl, signal }: SeatOptions,
  ): Promise<Seat> {
    if (name === '') throw new CoordinationError('invalid', 'refused', 'the name is empty; nothing was sent');
    const lease = await coordination.lease(ttl, { signal });
    try {
      const key = `${name}/${lease.id.toString(16)}`;
      const revision = await putOnce(coordination, key, value, lease, signal);
      return new Seat(coordination, name, new HeldKey(coordination, key, revision, lease));
    } catch (error) {
      // Not waited for: who gives up wants to go on, and the lease runs out by itself.
      void lease[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(coordination: Coordination, name: string, held: HeldKey) {
    this.#coordination = coordination;
    this.#name = name;
    this.#held = held;
  }

  get key(): string {
    return this.#held.key;
  }

  /** Of our key: no two seats of a name ever have the same, and later ones have greater ones. */
  get revision(): bigint {
    return this.#held.revision;
  }

  get lost(): AbortSignal {
    return this.#held.lost;
  }

  /** Holds in a transaction as long as the seat is ours, whatever this process believes. */
  get condition(): Condition {
    return this.#held.condition;
  }

  /**
   * Resolves when nobody is before us, and our key was seen to be there after that. Otherwise leaves the queue, and rejects:
   * with code `aborted` by `signal`, with `leaseLost` when the seat was lost.
   */
  async first(signal: AbortSignal | undefined): Promise<this> {
    const either = signal === undefined ? this.lost : AbortSignal.any([signal, this.lost]);
    try {
      while (!(await this.#isFirst(either))) {
        if (signal?.aborted === true) {
          throw new CoordinationError('aborted', 'refused', 'given up waiting', { cause: signal.reason });
        }
        if (this.lost.aborted) throw this.lost.reason;
      }
      return this;
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Rejects with code `leaseLost` when the seat is not ours any more. */
  update(value: Bytes, options: CallOptions): Promise<void> {
    return this.#held.update(value, options);
  }

  leave(options?: CallOptions): Promise<void> {
    return this.#held.leave(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#held[Symbol.asyncDispose]();
  }

  /** One step of waiting; false when the world may have changed, could not be asked, or `signal` fired. */
  async #isFirst(signal: AbortSignal): Promise<boolean> {
    try {
      const before = await this.#neighbour(signal);
      if (before === undefined) return await this.#stillThere(signal);
      await untilDeleted(this.#coordination, before.entry, before.revision, signal);
    } catch (error) {
      if (signal.aborted) return false;
      if (!mayPass(error)) throw error;
      await pause(retryMs, signal);
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
    this.#held.lose('the key was deleted while waiting');
    return false;
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
