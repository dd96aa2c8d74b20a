import type { Clock } from '../core/clock.ts';
import { Writer } from '../core/codec.ts';
import type { Epoch } from '../core/ids.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { snapshotResumeMs } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import type { Input } from '../protocol/index.ts';
import type { PinnedView, StoreBackend } from '../storage/backend.ts';
import { type SnapshotOrigin, snapshotFrames, snapshotIdBytes } from '../storage/snapshot.ts';
import type { BulkPiece, BulkSource } from '../transport/bulk-sender.ts';
import type { Peers } from '../transport/peers.ts';

/** Frames that are passed over in one turn when a stream is taken up again. */
const framesPerTurn = 32;

/** A state that is being streamed to a peer, or was not long ago. */
interface Sending {
  readonly origin: SnapshotOrigin;
  readonly view: PinnedView;
  underWay: boolean;
  /** When the last attempt ended. */
  endedAt: Millis;
}

export interface SnapshotSenderOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: Peers;
  readonly backend: StoreBackend;
  readonly origin: () => Omit<SnapshotOrigin, 'snapshotId'>;
  readonly input: (input: Input) => void;
}

/**
 * Streams the applied state to peers. A broken stream is taken up again where it stopped, as long as the view of the
 * first attempt is still pinned: the same view gives the same bytes.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #sending = new Map<NodeId, Sending>();

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** `epoch`: in which we lead. */
  send(to: NodeId, epoch: Epoch): void {
    const sending = this.#sending.get(to) ?? this.#begin(to);
    if (sending.underWay) return;
    sending.underWay = true;
    const { peers, clock, input } = this.#options;
    const header = new Writer(32).raw(sending.origin.snapshotId).uint(epoch).finish();
    peers.sendBulk(to, header, new FrameSource(sending, clock), (outcome) => {
      sending.underWay = false;
      sending.endedAt = clock.now();
      const ok = outcome.type === 'done';
      if (ok) this.#forget(to, sending);
      input({ type: 'snapshotSent', to, upTo: sending.view.base.position.index, ok });
    });
  }

  /** The bytes of the present state, for a backup. */
  take(): { readonly frames: IterableIterator<Uint8Array>; close(): void } {
    const view = this.#options.backend.pin();
    return { frames: snapshotFrames(view, this.#newOrigin()), close: () => view.release() };
  }

  /** Lets go of views that nobody came back for, or of all. */
  release(all: boolean): void {
    for (const [to, sending] of this.#sending) {
      const over = !sending.underWay && this.#options.clock.now() - sending.endedAt >= snapshotResumeMs;
      if (all || over) this.#forget(to, sending);
    }
  }

  #begin(to: NodeId): Sending {
    const { backend } = this.#options;
    const sending = { origin: this.#newOrigin(), view: backend.pin(), underWay: false, endedAt: millis(0) };
    this.#sending.set(to, sending);
    return sending;
  }

  #newOrigin(): SnapshotOrigin {
    return { ...this.#options.origin(), snapshotId: this.#options.random.bytes(snapshotIdBytes) };
  }

  #forget(to: NodeId, sending: Sending): void {
    sending.view.release();
    this.#sending.delete(to);
  }
}

/** The frames of a view from a byte offset on. */
class FrameSource implements BulkSource {
  readonly #frames: IterableIterator<Uint8Array>;
  readonly #clock: Clock;
  #skip = 0;

  constructor({ view, origin }: Sending, clock: Clock) {
    this.#frames = snapshotFrames(view, origin);
    this.#clock = clock;
  }

  start(offset: number): void {
    this.#skip = offset;
  }

  next(callback: (piece: BulkPiece) => void): void {
    for (let passed = 0; passed < framesPerTurn; passed++) {
      const frame = this.#frames.next();
      if (frame.done === true) return callback({ type: 'end' });
      const skipped = Math.min(this.#skip, frame.value.length);
      this.#skip -= skipped;
      if (skipped < frame.value.length)
        return callback({ type: 'bytes', bytes: frame.value.subarray(skipped) });
    }
    this.#clock.defer(() => this.next(callback));
  }

  close(): void {
    this.#frames.return?.();
  }
}
