import { assert } from '../core/assert.ts';
import { concatBytes } from '../core/bytes.ts';
import type { Connection, ConnectionHandlers } from '../transport/network.ts';
import type { Host } from './host.ts';
import type { Wire, WrittenPart } from './link.ts';

/** Bytes under way in one direction above which `write` asks to hold back. */
const highWaterBytes = 64 * 1024;
/** Bytes for a machine that is down are tried again after this. */
const retransmitMs = 200;

interface EndOptions {
  readonly wire: Wire;
  readonly host: Host;
  readonly remoteHost: string;
  readonly remote: string;
  readonly handlers: ConnectionHandlers;
  /** Called when this end is closed. */
  readonly forget: () => void;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** The sender is done after this one. */
  readonly last: boolean;
  readonly arrival: number;
}

/** One side of a simulated connection. It owns the bytes under way from itself to the other side. */
export class End implements Connection {
  readonly remote: string;
  readonly remoteHost: string;
  readonly host: Host;
  handlers: ConnectionHandlers;
  readonly #wire: Wire;
  readonly #forget: () => void;
  readonly #life: number;
  #far: End | undefined;
  #established = false;
  #closed = false;
  #ended = false;
  #paused = false;
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #full = false;
  #delivering = false;
  #lastArrival = 0;

  constructor(options: EndOptions) {
    this.#wire = options.wire;
    this.#forget = options.forget;
    this.host = options.host;
    this.remoteHost = options.remoteHost;
    this.remote = options.remote;
    this.handlers = options.handlers;
    this.#life = options.host.life;
  }

  get closed(): boolean {
    return this.#closed;
  }

  pair(far: End): void {
    this.#far = far;
    far.#far = this;
    this.#established = true;
  }

  /** The other side has accepted; it takes a journey back until this side knows. */
  opened(): void {
    const { scheduler } = this.#wire.options;
    scheduler.schedule(
      this.#wire.drawDelay(this.host.name, this.remoteHost),
      this.host.guard(() => {
        if (this.#closed) return;
        this.#established = true;
        this.handlers.open();
        this.#deliverNext();
        this.#far?.wake();
      }),
    );
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#ended) return false;
    // One private copy: a sender that changes its buffer later must not change what the receiver sees.
    for (const part of this.#wire.options.split(concatBytes(parts))) this.#sendPart(part);
    if (this.#queuedBytes <= highWaterBytes) return true;
    this.#full = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#far?.wake();
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.#enqueue(new Uint8Array(0), true);
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closeHere('closed here');
    this.#tellFar('closed by the other side');
  }

  /** Both sides lose the connection. */
  breakOff(reason: string): void {
    if (this.#closed) return;
    this.#closeHere(reason);
    this.#tellFar(reason);
  }

  processGone(powerCut: boolean): void {
    this.#closed = true;
    this.#forget();
    if (!powerCut) this.#tellFar('connection reset');
  }

  /** Something that held the bytes back has gone. */
  wake(): void {
    this.#deliverNext();
  }

  #sendPart(part: WrittenPart): void {
    const { random } = this.#wire.options;
    const { loss, duplication, reordering } = this.#wire.conditions;
    if (!part.message) {
      this.#sendBytes(part.bytes);
      return;
    }
    if (random.chance(loss, 1000)) return;
    if (random.chance(duplication, 1000)) this.#sendLate(part.bytes);
    if (random.chance(reordering, 1000)) this.#sendLate(part.bytes);
    else this.#sendBytes(part.bytes);
  }

  /** What was sent meanwhile overtakes these bytes. */
  #sendLate(bytes: Uint8Array): void {
    const { random, scheduler } = this.#wire.options;
    scheduler.schedule(random.between(1, this.#wire.conditions.maxLateMs), () => {
      if (!this.#closed && !this.#ended) this.#sendBytes(bytes);
    });
  }

  #sendBytes(bytes: Uint8Array): void {
    const { random } = this.#wire.options;
    if (bytes.length > 1 && random.chance(this.#wire.conditions.splitting, 1000)) {
      const at = random.between(1, bytes.length - 1);
      this.#enqueue(bytes.subarray(0, at), false);
      this.#enqueue(bytes.subarray(at), false);
    } else {
      this.#enqueue(bytes, false);
    }
  }

  #enqueue(bytes: Uint8Array, last: boolean): void {
    const { scheduler } = this.#wire.options;
    const travel = scheduler.now + Math.round(this.#wire.drawDelay(this.host.name, this.remoteHost) * 1000);
    this.#lastArrival = Math.max(this.#lastArrival, travel);
    this.#queue.push({ bytes, last, arrival: this.#lastArrival });
    this.#queuedBytes += bytes.length;
    this.#deliverNext();
  }

  #deliverNext(): void {
    const far = this.#far;
    const next = this.#queue[0];
    if (this.#delivering || next === undefined || far === undefined || this.#closed || !this.#established)
      return;
    if (this.#heldBack(far)) return;
    this.#delivering = true;
    const { scheduler } = this.#wire.options;
    scheduler.scheduleAt(Math.max(next.arrival, scheduler.now), () => {
      this.#delivering = false;
      this.#arrive(far, next);
    });
  }

  #arrive(far: End, chunk: Chunk): void {
    const { scheduler, trace } = this.#wire.options;
    if (this.#closed || this.#heldBack(far)) return;
    if (far.#closed) {
      // Nobody there knows this connection (a power cut): the kernel answers with a reset, once the machine is up.
      if (far.host.state === 'down') scheduler.schedule(retransmitMs, () => this.wake());
      else this.#resetByFar();
      return;
    }
    assert(this.#queue[0] === chunk, 'chunks of one direction arrive in order');
    this.#queue.shift();
    this.#queuedBytes -= chunk.bytes.length;
    trace.event(
      scheduler.now,
      'chunk',
      far.host.name,
      () => `from ${this.host.name}: ${chunk.bytes.length} bytes`,
    );
    trace.bytes(chunk.bytes);
    far.#receive(chunk);
    if (this.#full && this.#queuedBytes <= highWaterBytes / 2) {
      this.#full = false;
      const drained = (): void => {
        if (!this.#closed) this.handlers.drain();
      };
      scheduler.schedule(0, this.host.guard(drained));
    }
    this.#deliverNext();
  }

  #heldBack(far: End): boolean {
    return (
      far.#paused || (!far.#established && !far.#closed) || this.#wire.isCut(this.host.name, this.remoteHost)
    );
  }

  #receive(chunk: Chunk): void {
    const deliver = (): void => {
      if (this.#closed) return;
      if (chunk.last) this.breakOff('ended by the other side');
      else this.handlers.data(chunk.bytes);
    };
    this.host.guard(deliver)();
  }

  #resetByFar(): void {
    const { scheduler } = this.#wire.options;
    scheduler.schedule(this.#wire.drawDelay(this.host.name, this.remoteHost), () =>
      this.#closeHere('connection reset'),
    );
  }

  #tellFar(reason: string): void {
    const far = this.#far;
    if (far === undefined || far.#closed) return;
    const { scheduler } = this.#wire.options;
    const told = (): void => {
      if (far.#closed) return;
      if (this.#wire.isCut(this.host.name, this.remoteHost)) scheduler.schedule(100, told);
      else far.#closeHere(reason);
    };
    scheduler.schedule(this.#wire.drawDelay(this.host.name, this.remoteHost), told);
  }

  #closeHere(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#forget();
    if (this.host.life !== this.#life) return;
    const { scheduler } = this.#wire.options;
    scheduler.schedule(
      0,
      this.host.guard(() => this.handlers.close(reason)),
    );
  }
}
