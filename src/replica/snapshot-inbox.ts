import { equalBytes } from '../core/bytes.ts';
import { Malformed } from '../core/codec.ts';
import type { Epoch, NodeId } from '../core/ids.ts';
import type { Input } from '../protocol/index.ts';
import type { ReceivedSnapshot } from '../storage/backend.ts';
import { type Callback, type Disk, DiskError } from '../storage/disk.ts';
import type { SnapshotOrigin } from '../storage/snapshot.ts';
import { type ReceiveOutcome, SnapshotReceiver } from '../storage/snapshot-receiver.ts';
import type { BulkSink, IncomingBulk } from '../transport/bulk-receiver.ts';
import type { ReplicaObserver } from './observer.ts';
import { decodeOffer, roomFor, type SnapshotOffer } from './snapshot-offer.ts';

const directory = 'incoming';
const path = `${directory}/snapshot`;

/** The one snapshot that is coming in, has come in, or broke off. */
interface Arrival {
  readonly from: NodeId;
  readonly epoch: Epoch;
  readonly snapshotId: Uint8Array;
  readonly receiver: SnapshotReceiver;
  /** Undefined while no stream feeds it. */
  incoming: IncomingBulk | undefined;
  /** When it is complete: its number, under which the protocol decides. */
  complete: { readonly number: number; readonly snapshot: ReceivedSnapshot } | undefined;
}

export interface SnapshotInboxOptions {
  readonly disk: Disk;
  /** Whose snapshots are taken; `featureLevel` is the highest that this program can run. */
  readonly expected: Omit<SnapshotOrigin, 'snapshotId'>;
  readonly input: (input: Input) => void;
  readonly failed: (error: DiskError) => void;
  /** There is none for a snapshot; what is missing. */
  readonly noRoom: (shortage: DiskError) => void;
  readonly observer: ReplicaObserver;
}

/**
 * Receives snapshots, one at a time, into a file beside the state, and keeps a complete one until the protocol has
 * decided. A broken stream goes on where it stopped when the same snapshot is offered again.
 */
export class SnapshotInbox {
  readonly #options: SnapshotInboxOptions;
  #arrival: Arrival | undefined;
  #opening = false;
  #discarding = false;
  #lastNumber = 0;
  #closed = false;

  constructor(options: SnapshotInboxOptions) {
    this.#options = options;
  }

  open(callback: Callback<void>): void {
    this.#options.disk.makeDirectory(directory, (error) => {
      if (error !== undefined && error.kind !== 'exists') return callback(error);
      // What an earlier start had received in part is of no use: nobody remembers how far it was checked.
      this.#options.disk.remove(path, (removeError) => {
        callback(removeError?.kind === 'missing' ? undefined : removeError);
      });
    });
  }

  offered(from: NodeId, header: Uint8Array, incoming: IncomingBulk): void {
    const offer = decodeOffer(header);
    if (offer instanceof Malformed)
      return incoming.refuse(`unreadable offer of a snapshot: ${offer.message}`);
    const arrival = this.#arrival;
    const busy =
      this.#opening || this.#discarding || arrival?.complete !== undefined || arrival?.incoming !== undefined;
    if (this.#closed || busy) return incoming.refuse('busy with another snapshot');
    this.#opening = true;
    this.#whenRoom(offer, (error) => {
      this.#opening = false;
      if (this.#closed) return;
      if (error !== undefined) this.#turnAway(incoming, error);
      else if (arrival !== undefined && equalBytes(arrival.snapshotId, offer.snapshotId))
        this.#goOn({ ...arrival, from, epoch: offer.epoch, incoming }, incoming);
      else this.#begin(from, offer, incoming);
    });
  }

  /** The file of a complete snapshot. Undefined when there is none of that number. */
  complete(number: number): ReceivedSnapshot | undefined {
    const complete = this.#arrival?.complete;
    return complete?.number === number ? complete.snapshot : undefined;
  }

  /** The protocol has decided, and what it decided is done: the sender may forget about the snapshot. */
  settle(number: number): void {
    if (this.#arrival?.complete?.number !== number) return;
    this.#arrival.incoming?.done();
    this.#drop(() => {});
  }

  close(): void {
    this.#closed = true;
    this.#arrival?.incoming?.fail('stopping');
    this.#drop(() => {});
  }

  /**
   * Room for the snapshot, and for the state that is made of it while the present one stands: seen before the first byte is
   * sent, so that a full disk costs the leader nothing.
   */
  #whenRoom(offer: SnapshotOffer, callback: Callback<void>): void {
    const needed = roomFor(offer);
    this.#options.disk.free((error, free) => {
      if (error !== undefined) return callback(error);
      // What came before is gone on with, or makes room.
      const room = free + (this.#arrival?.receiver.bytes ?? 0);
      if (room >= needed) return callback(undefined);
      const message = `no room for a snapshot: ${needed} bytes needed, ${room} free`;
      callback(new DiskError('full', path, message, needed - room));
    });
  }

  #begin(from: NodeId, offer: SnapshotOffer, incoming: IncomingBulk): void {
    this.#opening = true;
    const { disk, expected } = this.#options;
    const expectedOrigin = { ...expected, snapshotId: offer.snapshotId };
    this.#drop(() => {
      SnapshotReceiver.open({ disk, path, expected: expectedOrigin }, (error, receiver) => {
        this.#opening = false;
        if (this.#closed) return;
        if (error !== undefined) return this.#turnAway(incoming, error);
        const { snapshotId, epoch } = offer;
        this.#feed({ from, snapshotId, epoch, receiver, incoming, complete: undefined }, incoming);
      });
    });
  }

  #turnAway(incoming: IncomingBulk, error: DiskError): void {
    incoming.refuse(error.message);
    this.#diskFailed(error);
  }

  #goOn(arrival: Arrival, incoming: IncomingBulk): void {
    this.#arrival = arrival;
    arrival.receiver.resume((error, _position) => {
      if (this.#closed) return;
      if (error === undefined) return this.#feed(arrival, incoming);
      arrival.incoming = undefined;
      this.#turnAway(incoming, error);
    });
  }

  #feed(arrival: Arrival, incoming: IncomingBulk): void {
    this.#arrival = arrival;
    incoming.accept(
      arrival.receiver.bytes,
      new ReceiverSink(arrival.receiver, incoming, {
        ended: (outcome) => this.#ended(arrival, outcome),
        broken: (reason) => {
          this.#options.observer.log('warn', 'a snapshot broke off; it can go on from here', { reason });
          arrival.incoming = undefined;
        },
      }),
    );
  }

  #ended(arrival: Arrival, outcome: Final): void {
    if (this.#closed || this.#arrival !== arrival) return;
    switch (outcome.type) {
      case 'complete': {
        const number = ++this.#lastNumber;
        arrival.complete = { number, snapshot: outcome.snapshot };
        const { from, epoch: sent } = arrival;
        const { base } = outcome.snapshot;
        return this.#options.input({ type: 'snapshotReceived', snapshot: number, from, epoch: sent, base });
      }
      case 'refused':
        this.#options.observer.log('warn', 'a snapshot was refused', { ...outcome.fault });
        arrival.incoming?.fail(outcome.fault.detail);
        return this.#drop(() => {});
      case 'failed':
        arrival.incoming?.fail(outcome.error.message);
        this.#drop(() => {});
        return this.#diskFailed(outcome.error);
    }
  }

  /** A full disk is only a reason to try again later. */
  #diskFailed(error: DiskError): void {
    if (error.kind !== 'full') return this.#options.failed(error);
    this.#options.observer.log('warn', 'no room for a snapshot', { reason: error.message });
    this.#options.noRoom(error);
  }

  #drop(callback: () => void): void {
    const arrival = this.#arrival;
    this.#arrival = undefined;
    if (arrival === undefined) return callback();
    // The next snapshot comes under the same name, which must not be removed from under it.
    this.#discarding = true;
    arrival.receiver.discard(() => {
      this.#discarding = false;
      callback();
    });
  }
}

type Final = Exclude<ReceiveOutcome, { type: 'more' }>;

interface SinkEvents {
  /** The receiver has all of it, or cannot go on. */
  ended(outcome: Final): void;
  /** The stream cannot go on. */
  broken(reason: string): void;
}

/** Hands the chunks of a stream to the receiver, one at a time, and holds the stream back meanwhile. */
class ReceiverSink implements BulkSink {
  readonly #receiver: SnapshotReceiver;
  readonly #incoming: IncomingBulk;
  readonly #events: SinkEvents;
  #waiting: Uint8Array[] = [];
  #writing = false;
  /** What the stream said last: its end, or why it broke. */
  #last: { readonly broken: string | undefined } | undefined;
  #complete: Final | undefined;
  #over = false;

  constructor(receiver: SnapshotReceiver, incoming: IncomingBulk, events: SinkEvents) {
    this.#receiver = receiver;
    this.#incoming = incoming;
    this.#events = events;
  }

  chunk(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#incoming.pause();
    this.#proceed();
  }

  end(): void {
    this.#last = { broken: undefined };
    this.#proceed();
  }

  failed(reason: string): void {
    this.#last = { broken: reason };
    this.#proceed();
  }

  #proceed(): void {
    if (this.#writing || this.#over) return;
    const complete = this.#complete;
    // Whole is whole, also when the stream breaks before it says so: nothing would be left to resume.
    if (complete !== undefined && this.#last !== undefined)
      return this.#finish(() => this.#events.ended(complete));
    if (this.#last?.broken !== undefined)
      return this.#finish(() => this.#events.broken(this.#last?.broken ?? ''));
    const piece = this.#waiting.shift();
    if (piece !== undefined) return this.#write(piece);
    if (this.#last === undefined) return this.#incoming.resume();
    this.#finish(() => this.#events.broken('the stream ended before the snapshot was complete'));
  }

  #write(piece: Uint8Array): void {
    this.#writing = true;
    this.#receiver.write(piece, (outcome) => {
      this.#writing = false;
      if (outcome.type === 'complete') this.#complete = outcome;
      if (outcome.type === 'more' || outcome.type === 'complete') return this.#proceed();
      this.#finish(() => this.#events.ended(outcome));
    });
  }

  #finish(tell: () => void): void {
    this.#over = true;
    tell();
  }
}
