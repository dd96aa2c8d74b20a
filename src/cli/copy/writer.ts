import { type Client, codeOf, type Entry, op, when } from '../../client/index.ts';
import { pause } from '../../client/pause.ts';
import { patienceMs } from './entries.ts';
import type { CarriedLeases } from './leases.ts';

/** Below the 128 operations and 1.5 MiB that servers take in one transaction. */
const batchEntries = 100;
const batchBytes = 512 * 1024;

const retryMs = 500;
/** How often a batch is sent whose outcome is not known. */
const maxAttempts = 20;

interface Write {
  readonly source: Entry;
  /** What the key's revision in the target was when it was looked at; 0 for no such key. */
  readonly seen: bigint;
}

export interface Written {
  keys: number;
  bytes: number;
  /** Somebody else changed them in the target meanwhile: they are to be looked at again. */
  contended: number;
  /** Their leases have ended. */
  expired: number;
}

interface WriterOptions {
  readonly target: Client;
  readonly leases: CarriedLeases;
  /** Keys a second; undefined for no bound. */
  readonly rate: number | undefined;
  readonly signal: AbortSignal;
}

/** Puts entries into the target in batches, each only if its keys there are still what they were seen to be. */
export class Writer {
  readonly written: Written = { keys: 0, bytes: 0, contended: 0, expired: 0 };
  readonly #options: WriterOptions;
  readonly #batchEntries: number;
  readonly #since = performance.now();
  #batch: Write[] = [];
  #bytes = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#batchEntries = Math.min(batchEntries, Math.max(1, Math.ceil(options.rate ?? batchEntries)));
  }

  async put(source: Entry, seen: bigint): Promise<void> {
    if (source.lease !== 0n) return this.#putLeased({ source, seen });
    const bytes = source.key.length + source.value.length;
    if (this.#bytes + bytes > batchBytes) await this.flush();
    this.#batch.push({ source, seen });
    this.#bytes += bytes;
    if (this.#batch.length >= this.#batchEntries) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length > 0) await this.#write(batch);
  }

  /** By itself: a lease that has ended must not take other keys along. */
  async #putLeased(write: Write): Promise<void> {
    const { leases } = this.#options;
    const { lease } = write.source;
    if (!(await leases.carry(lease))) {
      this.written.expired += 1;
      return;
    }
    try {
      await this.#write([write]);
    } catch (error) {
      if (codeOf(error) !== 'leaseLost') throw error;
      leases.ended(lease);
      this.written.expired += 1;
    }
  }

  async #write(batch: readonly Write[]): Promise<void> {
    if (await this.#committed(batch)) {
      this.written.keys += batch.length;
      for (const { source } of batch) this.written.bytes += source.key.length + source.value.length;
    } else {
      this.written.contended += batch.length;
    }
    await this.#keepToRate();
  }

  /** May be sent again whatever became of it: once it has happened, its conditions hold no more. */
  async #committed(batch: readonly Write[]): Promise<boolean> {
    const { target, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const { succeeded } = await target.txn(
          {
            if: batch.map(({ source, seen }) => when.modRevision(source.key, '=', seen)),
            do: batch.map(({ source }) => op.put(source.key, source.value, source.lease)),
          },
          { signal, deadlineMs: patienceMs },
        );
        return succeeded;
      } catch (error) {
        if (signal.aborted || attempt === maxAttempts || !passing.has(codeOf(error) ?? '')) throw error;
        await pause(retryMs, signal);
      }
    }
  }

  async #keepToRate(): Promise<void> {
    const { rate, signal } = this.#options;
    if (rate === undefined) return;
    const due = (this.written.keys / rate) * 1_000;
    const early = due - (performance.now() - this.#since);
    if (early > 0) await pause(early, signal);
  }
}

/** Trouble of servers and networks; anything else is not mended by trying again. */
const passing: ReadonlySet<string> = new Set([
  'unreachable',
  'unavailable',
  'deadline',
  'disconnected',
  'overloaded',
]);
