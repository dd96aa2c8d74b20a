import type { Bytes } from '../bytes.ts';
import type { CallOptions, Condition, Coordination, Lease } from '../coordination.ts';
import { CoordinationError, codeOf } from '../errors.ts';
import { op, when } from '../operations.ts';
import { pause } from '../pause.ts';
import { mayPass, retryMs } from './retry.ts';

/** Who may look at the key but not watch it looks so often while the lease lives. */
const looksPerTtl = 3;

/** A key of our own that lives as long as our lease; we are told when somebody deletes it. */
export class HeldKey implements AsyncDisposable {
  readonly key: string;
  /** At which it was created. */
  readonly revision: bigint;
  readonly #coordination: Coordination;
  readonly #lease: Lease;
  readonly #lost = new AbortController();

  /** Throws `leaseLost` when the lease was lost while the key was put: it may be another's by now. */
  constructor(coordination: Coordination, key: string, revision: bigint, lease: Lease) {
    const { lost } = lease;
    if (lost.aborted) throw lost.reason;
    this.#coordination = coordination;
    this.key = key;
    this.revision = revision;
    this.#lease = lease;
    lost.addEventListener('abort', () => this.#lost.abort(lost.reason), { once: true });
    void this.#guard();
  }

  /** Fires when the lease is lost, and when somebody deletes the key. */
  get lost(): AbortSignal {
    // Asking for it has the lease look at the clock.
    void this.#lease.lost;
    return this.#lost.signal;
  }

  /** Holds in a transaction as long as the key is ours, whatever this process believes. */
  get condition(): Condition {
    return when.createRevision(this.key, '=', this.revision);
  }

  /** Rejects with code `leaseLost` when the key is not ours any more. */
  async update(value: Bytes, options: CallOptions): Promise<void> {
    const { succeeded } = await this.#coordination.txn(
      { if: [this.condition], do: [op.put(this.key, value, this.#lease)] },
      options,
    );
    if (succeeded) return;
    this.lose('the key is gone');
    throw new CoordinationError('leaseLost', 'refused', 'the key is gone, nothing was put');
  }

  /** Gives the key up together with its lease. */
  leave(options?: CallOptions): Promise<void> {
    return this.#lease.revoke(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lease[Symbol.asyncDispose]();
  }

  /** It was seen to be gone. */
  lose(why: string): void {
    if (this.#lost.signal.aborted) return;
    this.#lost.abort(new CoordinationError('leaseLost', 'refused', why));
    void this.#lease[Symbol.asyncDispose]();
  }

  async #guard(): Promise<void> {
    const { signal } = this.#lost;
    let fromRevision = this.revision + 1n;
    while (!signal.aborted) {
      try {
        for await (const event of this.#coordination.watch({ key: this.key, fromRevision, signal })) {
          if (event.type === 'delete') return this.lose('somebody deleted the key');
          fromRevision = event.revision + 1n;
        }
      } catch (error) {
        if (signal.aborted || codeOf(error) === 'closed') return;
        await pause(mayPass(error) ? retryMs : (this.#lease.ttl * 1_000) / looksPerTtl, signal);
        // Where history is gone, or nobody may watch, what became of the key can still be seen.
        const present = await this.#present(signal);
        if (present === undefined) continue;
        if (present.createRevision !== this.revision) return this.lose('the key is gone');
        fromRevision = present.revision + 1n;
      }
    }
  }

  async #present(
    signal: AbortSignal,
  ): Promise<{ readonly createRevision: bigint | undefined; readonly revision: bigint } | undefined> {
    try {
      const { entries, revision } = await this.#coordination.range({ key: this.key }, { signal });
      return { createRevision: entries[0]?.createRevision, revision };
    } catch {
      // The lease says when it is too late.
      return undefined;
    }
  }
}
