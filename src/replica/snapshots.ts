import { present } from '../core/assert.ts';
import type { NodeId } from '../core/ids.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback } from '../storage/disk.ts';
import type { IncomingBulk } from '../transport/bulk-receiver.ts';
import { SnapshotInbox, type SnapshotInboxOptions } from './snapshot-inbox.ts';
import { SnapshotSender, type SnapshotSenderOptions } from './snapshot-sender.ts';

/** Snapshots in both directions: streamed to peers that are too far behind, received, and put in place of the state. */
export class Snapshots {
  readonly sender: SnapshotSender;
  readonly #inbox: SnapshotInbox;
  readonly #backend: StoreBackend;
  #installing = false;

  constructor(options: SnapshotSenderOptions & SnapshotInboxOptions) {
    this.sender = new SnapshotSender(options);
    this.#inbox = new SnapshotInbox(options);
    this.#backend = options.backend;
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

  install(number: number, callback: Callback<void>): void {
    const snapshot = present(this.#inbox.complete(number), `snapshot ${number} was never received`);
    this.#installing = true;
    this.#backend.install(snapshot, (error) => {
      this.#installing = false;
      if (error === undefined) this.#inbox.settle(number);
      callback(error);
    });
  }

  discard(number: number): void {
    this.#inbox.settle(number);
  }

  close(): void {
    this.#inbox.close();
    this.sender.release(true);
  }
}
