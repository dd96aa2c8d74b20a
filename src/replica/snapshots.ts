import { present } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { millis, type NodeId } from '../core/ids.ts';
import { fullDiskCheckInterval } from '../core/limits.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback, DiskError } from '../storage/disk.ts';
import type { IncomingBulk } from '../transport/bulk-receiver.ts';
import type { ReplicaObserver } from './observer.ts';
import { SnapshotInbox, type SnapshotInboxOptions } from './snapshot-inbox.ts';
import { SnapshotSender, type SnapshotSenderOptions } from './snapshot-sender.ts';

/** Snapshots in both directions: streamed to peers that are too far behind, received, and put in place of the state. */
export class Snapshots {
  readonly sender: SnapshotSender;
  readonly #inbox: SnapshotInbox;
  readonly #backend: StoreBackend;
  readonly #clock: Clock;
  readonly #observer: ReplicaObserver;
  #installing = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(options: SnapshotSenderOptions & SnapshotInboxOptions) {
    this.sender = new SnapshotSender(options);
    this.#inbox = new SnapshotInbox(options);
    this.#backend = options.backend;
    this.#clock = options.clock;
    this.#observer = options.observer;
  }

  /** The state is being replaced: nothing else may be done to it. */
  get installing(): boolean {
    return this.#installing;
  }

  open(callback: Callback<void>): void {
    this.#inbox.open(callback);
  }

  offered(from: NodeId, header: Uint8Array, incoming: IncomingBulk): void {
    this.#inbox.offered(from, header, incoming);
  }

  /** A full disk only delays it: the old state is whole, and the snapshot stays beside it until there is room for both. */
  install(number: number, callback: Callback<void>): void {
    const snapshot = present(this.#inbox.complete(number), `snapshot ${number} was never received`);
    this.#installing = true;
    this.#backend.install(snapshot, (error) => {
      this.#installing = false;
      if (error?.kind === 'full') return this.#installLater(number, error, callback);
      if (error === undefined) this.#inbox.settle(number);
      callback(error);
    });
  }

  #installLater(number: number, { message: reason }: DiskError, callback: Callback<void>): void {
    if (this.#closed) return;
    this.#observer.log('warn', 'no room to install a snapshot', { reason });
    const at = millis(this.#clock.now() + fullDiskCheckInterval);
    this.#retry = this.#clock.setTimer(at, () => this.install(number, callback));
  }

  discard(number: number): void {
    this.#inbox.settle(number);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#inbox.close();
    this.sender.release(true);
  }
}
