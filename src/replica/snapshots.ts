import { present } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type Index, millis, type NodeId } from '../core/ids.ts';
import { fullDiskCheckInterval, maxSnapshotRetryMs, snapshotRetryMs } from '../core/limits.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback, Disk, DiskError } from '../storage/disk.ts';
import type { IncomingBulk } from '../transport/bulk-receiver.ts';
import type { ReplicaObserver } from './observer.ts';
import { SnapshotInbox, type SnapshotInboxOptions } from './snapshot-inbox.ts';
import { SnapshotSender, type SnapshotSenderOptions } from './snapshot-sender.ts';

/** Snapshots in both directions: streamed to peers that are too far behind, received, and put in place of the state. */
export class Snapshots {
  readonly sender: SnapshotSender;
  readonly #inbox: SnapshotInbox;
  readonly #disk: Disk;
  readonly #backend: StoreBackend;
  readonly #clock: Clock;
  readonly #observer: ReplicaObserver;
  #installing = false;
  /** What was missing for a snapshot when the state was at this entry. */
  #noRoom: { readonly shortage: DiskError; readonly at: Index } | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(options: SnapshotSenderOptions & Omit<SnapshotInboxOptions, 'noRoom'>) {
    this.sender = new SnapshotSender(options);
    this.#inbox = new SnapshotInbox({ ...options, noRoom: (shortage) => this.#waitsForRoom(shortage) });
    this.#disk = options.disk;
    this.#backend = options.backend;
    this.#clock = options.clock;
    this.#observer = options.observer;
  }

  /** The state is being replaced: nothing else may be done to it. */
  get installing(): boolean {
    return this.#installing;
  }

  /** What is missing for the snapshot without which this replica cannot go on; undefined when it goes on. */
  get shortage(): DiskError | undefined {
    return this.#noRoom?.at === this.#backend.base().position.index ? this.#noRoom.shortage : undefined;
  }

  open(callback: Callback<void>): void {
    this.#inbox.open(callback);
  }

  offered(from: NodeId, header: Uint8Array, incoming: IncomingBulk): void {
    this.#inbox.offered(from, header, incoming);
  }

  /** A full disk only delays it: the old state is whole, and the snapshot stays beside it until there is room for both. */
  install(number: number, callback: Callback<void>): void {
    this.#tryToInstall(number, 0, callback);
  }

  #tryToInstall(number: number, failures: number, callback: Callback<void>): void {
    const snapshot = present(this.#inbox.complete(number), `snapshot ${number} was never received`);
    this.#installing = true;
    this.#backend.install(snapshot, (error) => {
      this.#installing = false;
      if (error?.kind === 'full')
        return this.#installLater(error, failures, () => this.#tryToInstall(number, failures + 1, callback));
      if (error === undefined) this.#inbox.settle(number);
      callback(error);
    });
  }

  /**
   * Each attempt writes the whole state again: it is made when as much room as was missing has come, and then less and
   * less often, since somebody else may take it again.
   */
  #installLater(shortage: DiskError, failures: number, tryAgain: () => void): void {
    this.#waitsForRoom(shortage);
    this.#observer.log('warn', 'no room to install a snapshot', { reason: shortage.message });
    const delay = Math.min(snapshotRetryMs * 2 ** failures, maxSnapshotRetryMs);
    // What had been written of the new state is free again.
    this.#disk.free((error, free) => {
      const enough = error === undefined ? free + (shortage.missing ?? 0) : 0;
      this.#whenFree(enough, delay, tryAgain);
    });
  }

  #whenFree(bytes: number, delay: number, proceed: () => void): void {
    if (this.#closed) return;
    this.#retry = this.#clock.setTimer(millis(this.#clock.now() + delay), () => {
      this.#disk.free((error, free) => {
        if (this.#closed) return;
        if (error === undefined && free < bytes) this.#whenFree(bytes, fullDiskCheckInterval, proceed);
        else proceed();
      });
    });
  }

  #waitsForRoom(shortage: DiskError): void {
    this.#noRoom = { shortage, at: this.#backend.base().position.index };
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
