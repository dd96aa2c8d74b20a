import { describe, expect, it } from 'vitest';
import { factsOf, RecordingPeer } from '../../test/support/recording-peer.ts';
import { simulatedHosts } from '../../test/support/simulated-hosts.ts';
import { concatBytes, equalBytes, utf8, utf8Text } from '../core/bytes.ts';
import { Writer } from '../core/codec.ts';
import { nodeId } from '../core/ids.ts';
import { connectionHighWaterBytes, maxInboundBulkStreams } from '../core/limits.ts';
import type { BulkSink, IncomingBulk } from './bulk-receiver.ts';
import type { BulkOutcome, BulkPiece, BulkSource } from './bulk-sender.ts';
import { encodeFrames, frameKinds } from './framing.ts';
import { encodeHello, reject } from './handshake.ts';

/** Content of `total` bytes in pieces; counts what was asked of it. */
class Content implements BulkSource {
  readonly total: number;
  readonly #piece: number;
  at = 0;
  started: number | undefined;
  closed = 0;
  failAt = Number.POSITIVE_INFINITY;

  constructor(total: number, piece: number) {
    this.total = total;
    this.#piece = piece;
  }

  static bytes(from: number, to: number): Uint8Array {
    return Uint8Array.from({ length: to - from }, (_, i) => ((from + i) * 31 + ((from + i) >> 8)) & 0xff);
  }

  start(offset: number): void {
    this.started = offset;
    this.at = offset;
  }

  next(callback: (piece: BulkPiece) => void): void {
    if (this.at >= this.failAt) return callback({ type: 'failed', reason: 'the view is gone' });
    if (this.at === this.total) return callback({ type: 'end' });
    const to = Math.min(this.total, this.at + this.#piece);
    const bytes = Content.bytes(this.at, to);
    this.at = to;
    callback({ type: 'bytes', bytes });
  }

  close(): void {
    this.closed++;
  }
}

/** Keeps everything, and says `done` when `safe` is true. */
class Keeper implements BulkSink {
  readonly chunks: Uint8Array[] = [];
  readonly events: string[] = [];
  readonly incoming: IncomingBulk;
  safe = true;
  pauseAfter = Number.POSITIVE_INFINITY;

  constructor(incoming: IncomingBulk) {
    this.incoming = incoming;
  }

  get received(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0);
  }

  chunk(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    if (this.received >= this.pauseAfter) this.incoming.pause();
  }

  end(): void {
    this.events.push('end');
    if (this.safe) this.incoming.done();
  }

  failed(reason: string): void {
    this.events.push(`failed: ${reason}`);
  }
}

function sending(content: Content) {
  const world = simulatedHosts('n1', 'n2');
  const [a, b] = world.hosts.map(({ host, network }, at) => {
    const peer = new RecordingPeer(network, host.clock, factsOf(at + 1));
    peer.address = `${host.name}:1`;
    peer.peers.listen(peer.address, (error) => expect(error).toBeUndefined());
    return peer;
  }) as [RecordingPeer, RecordingPeer];
  world.run(1);
  a.setMembers(b);
  b.setMembers(a);
  world.run(50);
  const outcomes: BulkOutcome[] = [];
  const send = (): { cancel(): void } =>
    a.peers.sendBulk(b.id, utf8('header'), content, (outcome) => outcomes.push(outcome));
  return { ...world, a, b, send, outcomes };
}

describe('a bulk stream', () => {
  it('brings all content, pulled piece by piece, and is done when the receiver says that it is safe', () => {
    const content = new Content(3_000_000, 700_001);
    const { b, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (from, header, incoming) => {
      expect([from.id, utf8Text(header)]).toEqual([1, 'header']);
      keeper = new Keeper(incoming);
      keeper.safe = false;
      incoming.accept(0, keeper);
    };
    send();
    run(2_000);
    expect(keeper?.events).toEqual(['end']);
    expect(outcomes).toEqual([]);
    run(60_000);
    expect(outcomes).toEqual([]);
    keeper?.incoming.done();
    run(100);
    expect(outcomes).toEqual([{ type: 'done' }]);
    expect(content.closed).toBe(1);
    expect(equalBytes(concatBytes(keeper?.chunks ?? []), Content.bytes(0, content.total))).toBe(true);
    run(60_000);
    expect(keeper?.events).toEqual(['end']);
  });

  it('goes on where the receiver says, after it broke', () => {
    const content = new Content(4_000_000, 100_000);
    const { b, network, send, outcomes, run } = sending(content);
    const keepers: Keeper[] = [];
    let kept = 0;
    b.onBulk = (_from, _header, incoming) => {
      const keeper = new Keeper(incoming);
      keepers.push(keeper);
      incoming.accept(kept, keeper);
    };
    send();
    run(20);
    network.reset('n1', 'n2');
    run(100);
    expect(outcomes).toEqual([{ type: 'failed', reason: expect.any(String) }]);
    expect(keepers[0]?.events).toEqual([expect.stringMatching(/^failed: /)]);
    kept = keepers[0]?.received ?? 0;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(content.total);
    run(3_000);
    send();
    run(2_000);
    expect(outcomes.at(-1)).toEqual({ type: 'done' });
    expect(content.started).toBe(kept);
    const whole = concatBytes(keepers.flatMap(({ chunks }) => chunks));
    expect(equalBytes(whole, Content.bytes(0, content.total))).toBe(true);
  });

  it('holds little in memory while the receiver takes nothing, and goes on when it does', () => {
    const content = new Content(50_000_000, 64_000);
    const { a, b, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      keeper.pauseAfter = 100_000;
      incoming.accept(0, keeper);
    };
    send();
    run(30_000);
    const received = keeper?.received ?? 0;
    expect(received).toBeLessThan(300_000);
    expect(content.at - received).toBeLessThanOrEqual(2 * connectionHighWaterBytes);
    expect(outcomes).toEqual([]);
    a.peers.send(b.id, 16, utf8('links do not wait for streams'));
    run(20);
    expect(b.frames).toHaveLength(1);
    if (keeper !== undefined) keeper.pauseAfter = Number.POSITIVE_INFINITY;
    keeper?.incoming.resume();
    run(100);
    expect(keeper?.received).toBeGreaterThan(received);
    keeper?.incoming.fail('enough for this test');
    run(50);
    expect(outcomes).toEqual([{ type: 'failed', reason: 'enough for this test' }]);
  });

  it('is given up when the receiver takes nothing for a minute', () => {
    const content = new Content(5_000_000, 64_000);
    const { b, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      keeper.pauseAfter = 0;
      incoming.accept(0, keeper);
    };
    send();
    run(65_000);
    expect(outcomes).toEqual([
      { type: 'failed', reason: expect.stringMatching(/took nothing for 6\d{4} ms/) },
    ]);
    expect(content.closed).toBe(1);
    keeper?.incoming.resume();
    run(1_000);
    expect(keeper?.events).toEqual([expect.stringMatching(/^failed: /)]);
  });

  it('that is cut is given up by both sides in seconds', () => {
    const content = new Content(5_000_000, 64_000);
    const { b, network, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      incoming.accept(0, keeper);
    };
    send();
    run(10);
    network.cut('n1', 'n2');
    network.cut('n2', 'n1');
    run(12_500);
    expect(outcomes).toEqual([{ type: 'failed', reason: expect.stringMatching(/nothing heard/) }]);
    expect(keeper?.events).toEqual([expect.stringMatching(/nothing heard/)]);
  });

  it('can be refused, by the handshake or by the receiver', () => {
    const content = new Content(10, 10);
    const { b, send, outcomes, run } = sending(content);
    b.onBulk = (_from, _header, incoming) => incoming.refuse('I have it already');
    send();
    run(50);
    b.verdict = () => reject('notReady', 'not yet');
    send();
    run(50);
    expect(outcomes).toEqual([
      { type: 'refused', reason: 'I have it already' },
      { type: 'failed', reason: 'not yet' },
    ]);
    expect(content.started).toBeUndefined();
    expect(content.closed).toBe(2);
  });

  it('ends on both sides when its source fails', () => {
    const content = new Content(1_000_000, 10_000);
    content.failAt = 500_000;
    const { b, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      incoming.accept(0, keeper);
    };
    send();
    run(1_000);
    expect(outcomes).toEqual([{ type: 'failed', reason: 'the view is gone' }]);
    expect(keeper?.events).toEqual(['failed: the sender gave up: the view is gone']);
  });

  it('can be cancelled: no callback, and the receiver learns of it', () => {
    const content = new Content(50_000_000, 64_000);
    const { b, send, outcomes, run } = sending(content);
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      incoming.accept(0, keeper);
    };
    const stream = send();
    run(20);
    stream.cancel();
    run(100);
    expect(outcomes).toEqual([]);
    expect(content.closed).toBe(1);
    expect(keeper?.events).toEqual([expect.stringMatching(/^failed: /)]);
  });

  it('accepted after it broke fails like any other', () => {
    const { b, network, send, run } = sending(new Content(10, 10));
    let late: IncomingBulk | undefined;
    b.onBulk = (_from, _header, incoming) => {
      late = incoming;
    };
    send();
    run(50);
    network.reset('n1', 'n2');
    run(50);
    const keeper = new Keeper(late as IncomingBulk);
    late?.accept(0, keeper);
    late?.pause();
    late?.resume();
    run(10);
    expect(keeper.events).toEqual([expect.stringMatching(/^failed: /)]);
  });

  it('is one of a few: more are told to come later', () => {
    const { b, send, outcomes, run } = sending(new Content(10, 10));
    b.onBulk = () => {};
    for (let i = 0; i <= maxInboundBulkStreams; i++) send();
    run(100);
    expect(outcomes).toEqual([{ type: 'failed', reason: expect.stringContaining('try again later') }]);
  });

  it('to somebody who is not a member fails', () => {
    const content = new Content(10, 10);
    const { a, run } = sending(content);
    const outcomes: BulkOutcome[] = [];
    a.peers.sendBulk(nodeId(9), utf8('header'), content, (outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual([]);
    run(10);
    expect(outcomes).toEqual([{ type: 'failed', reason: '9 is not a member' }]);
    expect(content.closed).toBe(1);
  });

  it('that ends too early is not taken for whole', () => {
    const { b, hosts, run } = sending(new Content(10, 10));
    let keeper: Keeper | undefined;
    b.onBulk = (_from, _header, incoming) => {
      keeper = new Keeper(incoming);
      incoming.accept(0, keeper);
    };
    const connection = hosts[0]?.network.connect('n2:1', { open() {}, data() {}, drain() {}, close() {} });
    const payload = encodeHello({ ...factsOf(1), versions: { min: 1, max: 1 }, to: b.id, purpose: 'bulk' });
    connection?.write(
      encodeFrames([
        { kind: frameKinds.hello, payload },
        { kind: frameKinds.bulkOpen, payload: utf8('header') },
        { kind: frameKinds.bulkChunk, payload: new Uint8Array(5) },
        { kind: frameKinds.bulkEnd, payload: new Writer().uint(6).finish() },
      ]),
    );
    run(50);
    expect(keeper?.events).toEqual(['failed: the stream should end at byte 6, but 5 came']);
  });
});
