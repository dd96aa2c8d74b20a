import type { Clock, Timer } from '../core/clock.ts';
import type { Epoch } from '../core/ids.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { maxSnapshotRetryMs, snapshotResumeMs, snapshotRetryMs } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import type { Input } from '../protocol/index.ts';
import type { PinnedView, StoreBackend } from '../storage/backend.ts';
import { type SnapshotOrigin, snapshotFrames, snapshotIdBytes } from '../storage/snapshot.ts';
import type { BulkOutcome, BulkPiece, BulkSource } from '../transport/bulk-sender.ts';
import type { Peers } from '../transport/peers.ts';
import type { ReplicaObserver } from './observer.ts';
import { encodeOffer } from './snapshot-offer.ts';

/** Frames that are passed over in one turn when a stream is taken up again. */
const framesPerTurn = 32;

/** A state that is being streamed to a peer, or was not long ago. */
interface Sending {
  readonly origin: SnapshotOrigin;
  readonly view: PinnedView;
  /** What the state takes on a disk, roughly: how much room the receiver needs. */
  readonly bytes: number;
  underWay: boolean;
  /** Where the receiver had the last attempt begin, in bytes. */
  offset: number;
  /** When the last attempt ended. */
  endedAt: Millis;
}

/** A peer that could not be sent a snapshot: not reached, or without room. */
interface Failing {
  /** In a row, without getting further. */
  count: number;
  /** Until it rings, the protocol believes that the attempt goes on. */
  pause: Timer | undefined;
}

export interface SnapshotSenderOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: Peers;
  readonly backend: StoreBackend;
  readonly origin: () => Omit<SnapshotOrigin, 'snapshotId'>;
  readonly input: (input: Input) => void;
  readonly observer: ReplicaObserver;
}

/**
 * Streams the applied state to peers. A broken stream is taken up again where it stopped, as long as the view of the
 * first attempt is still pinned: the same view gives the same bytes. A peer with which that leads nowhere is tried less and
 * less often: one without room may have none for days.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #sending = new Map<NodeId, Sending>();
  readonly #failing = new Map<NodeId, Failing>();

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** `epoch`: in which we lead. */
  send(to: NodeId, epoch: Epoch): void {
    if (this.#failing.get(to)?.pause !== undefined) return;
    const sending = this.#sending.get(to) ?? this.#begin(to);
    if (sending.underWay) return;
    sending.underWay = true;
    const { peers, clock } = this.#options;
    const header = encodeOffer({ snapshotId: sending.origin.snapshotId, epoch, bytes: sending.bytes });
    const offset = sending.offset;
    peers.sendBulk(to, header, new FrameSource(sending, clock), (outcome) => {
      sending.underWay = false;
      sending.endedAt = clock.now();
      if (outcome.type === 'done') return this.#done(to, sending);
      if (sending.offset > offset) this.#failing.delete(to);
      this.#failed(to, sending, outcome);
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
    if (all) for (const { pause } of this.#failing.values()) pause?.cancel();
  }

  #done(to: NodeId, sending: Sending): void {
    this.#failing.delete(to);
    this.#forget(to, sending);
    this.#tell(to, sending, true);
  }

  #failed(to: NodeId, sending: Sending, { reason }: Exclude<BulkOutcome, { type: 'done' }>): void {
    const { clock, observer } = this.#options;
    const failing = this.#failing.get(to) ?? { count: 0, pause: undefined };
    this.#failing.set(to, failing);
    // The first failure may be that of a connection, and the next attempt goes on where it broke.
    const delay =
      failing.count === 0 ? 0 : Math.min(snapshotRetryMs * 2 ** (failing.count - 1), maxSnapshotRetryMs);
    failing.count++;
    observer.log('warn', 'a snapshot could not be sent', {
      peer: to.toString(16),
      reason,
      againAfterMs: delay,
    });
    if (delay === 0) return this.#tell(to, sending, false);
    failing.pause = clock.setTimer(millis(clock.now() + delay), () => {
      failing.pause = undefined;
      this.#tell(to, sending, false);
    });
  }

  #tell(to: NodeId, { view }: Sending, ok: boolean): void {
    this.#options.input({ type: 'snapshotSent', to, upTo: view.base.position.index, ok });
  }

  #begin(to: NodeId): Sending {
    const { backend } = this.#options;
    const sending = {
      origin: this.#newOrigin(),
      view: backend.pin(),
      bytes: backend.bytes().inUse + backend.pendingBytes(),
      underWay: false,
      offset: 0,
      endedAt: millis(0),
    };
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
  readonly #sending: Sending;
  readonly #frames: IterableIterator<Uint8Array>;
  readonly #clock: Clock;
  #skip = 0;

  constructor(sending: Sending, clock: Clock) {
    this.#sending = sending;
    this.#frames = snapshotFrames(sending.view, sending.origin);
    this.#clock = clock;
  }

  start(offset: number): void {
    this.#skip = offset;
    this.#sending.offset = offset;
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
