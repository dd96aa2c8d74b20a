import type { Clock } from '../core/clock.ts';
import type { Millis } from '../core/ids.ts';
import { flushPendingBytes } from '../core/limits.ts';
import type { Position } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { DiskError } from '../storage/disk.ts';

export interface FlusherOptions {
  readonly clock: Clock;
  readonly backend: StoreBackend;
  /** How often a changed state is made durable at least. */
  readonly intervalMs: number;
  /** The journal is not needed below this any more. */
  flushed(position: Position): void;
  /** The disk has become full, with what is missing, or has room again. */
  room(shortage: DiskError | undefined): void;
  failed(error: DiskError): void;
}

/** Makes the applied state durable: when asked, when much has come together, and from time to time. */
export class Flusher {
  readonly #options: FlusherOptions;
  #flushing = false;
  #full = false;
  #reported: Position;
  #flushedAt: Millis;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#reported = options.backend.flushed().position;
    this.#flushedAt = options.clock.now();
  }

  /** To be called every now and then, but not while the state is being replaced. */
  keepUp(): void {
    const { backend, clock, intervalMs } = this.#options;
    this.#report();
    const behind = backend.base().position.index > backend.flushed().position.index;
    const due = clock.now() - this.#flushedAt >= intervalMs;
    const much = backend.pendingBytes() >= flushPendingBytes;
    // Also when a snapshot has brought the store up to date: until it says that it has room, nothing comes that it could
    // be behind of.
    if (this.#full || (behind && (due || much))) this.flush();
  }

  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const { backend, clock, room, failed } = this.#options;
    backend.flush((error, _base) => {
      this.#flushing = false;
      if (error !== undefined && error.kind !== 'full') return failed(error);
      this.#flushedAt = clock.now();
      if ((error !== undefined) !== this.#full) {
        this.#full = error !== undefined;
        room(error);
      }
      this.#report();
    });
  }

  /** The store may also have flushed by itself, or been replaced by a snapshot. */
  #report(): void {
    const { position } = this.#options.backend.flushed();
    if (position.index <= this.#reported.index) return;
    this.#reported = position;
    this.#options.flushed(position);
  }
}
