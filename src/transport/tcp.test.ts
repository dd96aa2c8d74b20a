import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { factsOf, RecordingPeer } from '../../test/support/recording-peer.ts';
import { utf8, utf8Text } from '../core/bytes.ts';
import { nodeId } from '../core/ids.ts';
import { maxPeerQueueBytes } from '../core/limits.ts';
import { nodeClock } from '../replica/node-clock.ts';
import { parseAddress } from './address.ts';
import type { IncomingBulk } from './bulk-receiver.ts';
import type { BulkOutcome, BulkPiece } from './bulk-sender.ts';
import { FrameDecoder } from './framing.ts';
import { TcpNetwork } from './tcp.ts';

const opened: RecordingPeer[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const peer of opened.splice(0)) peer.peers.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function listening(id: number, changed = {}): Promise<RecordingPeer> {
  const peer = new RecordingPeer(new TcpNetwork(), nodeClock, factsOf(id, changed));
  opened.push(peer);
  await peer.listen('127.0.0.1:0');
  return peer;
}

async function pair(): Promise<[RecordingPeer, RecordingPeer]> {
  const [a, b] = [await listening(1), await listening(2)];
  a.setMembers(b);
  b.setMembers(a);
  await vi.waitFor(() => expect(a.connectedTo(b) && b.connectedTo(a)).toBe(true), 5_000);
  return [a, b];
}

async function rawTo(peer: RecordingPeer): Promise<Socket> {
  const socket = connect(parseAddress(peer.address) as { host: string; port: number });
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

describe('replicas over TCP', () => {
  it('exchange frames of all sizes in order', async () => {
    const [a, b] = await pair();
    const sizes = Array.from({ length: 300 }, (_, i) => (i % 50 === 0 ? 100_000 : i));
    for (const size of sizes) expect(a.peers.send(b.id, 16, new Uint8Array(size).fill(size))).toBe(true);
    await vi.waitFor(() => expect(b.frames).toHaveLength(sizes.length), 10_000);
    expect(b.frames.map(({ payload }) => payload.length)).toEqual(sizes);
    expect(b.frames.every(({ payload }) => payload.every((byte) => byte === payload.length % 256))).toBe(
      true,
    );
  });

  it('find each other again when one comes back on the same port', async () => {
    const [a, b] = await pair();
    b.peers.close();
    await vi.waitFor(() => expect(a.connectedTo(b)).toBe(false), 5_000);
    const again = new RecordingPeer(new TcpNetwork(), nodeClock, factsOf(2, { incarnation: 2 }));
    opened.push(again);
    await again.listen(b.address);
    again.setMembers(a);
    await vi.waitFor(() => expect(a.connectedTo(again) && again.connectedTo(a)).toBe(true), 10_000);
    again.peers.send(a.id, 16, utf8('hello again'));
    await vi.waitFor(() => expect(a.frames).toHaveLength(1), 5_000);
  });

  it('drop what a peer that does not read cannot take, and keep no more than the limit', async () => {
    const a = await listening(1);
    const b = await listening(2);
    // A relay that stops reading what it passes on.
    let stalled: Socket | undefined;
    const relay = createServer((inbound) => {
      const { host, port } = parseAddress(b.address) as { host: string; port: number };
      const outbound = connect(port, host);
      sockets.push(inbound, outbound);
      stalled = inbound;
      inbound.pipe(outbound);
      outbound.pipe(inbound);
      inbound.on('error', () => {});
      outbound.on('error', () => {});
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const { port } = relay.address() as { port: number };
    a.peers.setMembers([{ id: b.id, name: 'n2', address: `127.0.0.1:${port}` }]);
    await vi.waitFor(() => expect(a.connectedTo(b)).toBe(true), 5_000);
    stalled?.unpipe();
    stalled?.pause();
    const payload = new Uint8Array(1024 * 1024);
    let taken = 0;
    while (taken < 200 && a.peers.send(b.id, 16, payload)) {
      taken++;
      a.peers.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(200);
    expect(a.peers.credit(b.id)).toBe(0);
    expect(a.peers.status()[0]?.queuedBytes).toBeLessThanOrEqual(maxPeerQueueBytes);
    await vi.waitFor(() => expect(a.links.at(-1)).toMatch(/^down 2: nothing heard/), 15_000);
    relay.close();
  });

  it('stream content of many megabytes past a receiver that pauses', async () => {
    const [a, b] = await pair();
    const total = 20_000_000;
    let offset = 0;
    let received = 0;
    b.onBulk = (_from, _header, incoming: IncomingBulk) => {
      let paused = 0;
      incoming.accept(1_000_000, {
        chunk(bytes) {
          received += bytes.length;
          if (received / 5_000_000 <= paused) return;
          paused++;
          incoming.pause();
          setTimeout(() => incoming.resume(), 20);
        },
        end: () => incoming.done(),
        failed: (reason) => expect.unreachable(reason),
      });
    };
    const outcome = await new Promise<BulkOutcome>((resolve) => {
      a.peers.sendBulk(
        b.id,
        utf8('snapshot'),
        {
          start: (from) => {
            offset = from;
          },
          next: (callback: (piece: BulkPiece) => void) => {
            if (offset === total) return callback({ type: 'end' });
            const bytes = new Uint8Array(Math.min(300_000, total - offset));
            offset += bytes.length;
            setImmediate(() => callback({ type: 'bytes', bytes }));
          },
          close: () => {},
        },
        resolve,
      );
    });
    expect(outcome).toEqual({ type: 'done' });
    expect(received).toBe(total - 1_000_000);
  });

  it('say clearly why a port cannot be listened on', async () => {
    const a = await listening(1);
    const other = new RecordingPeer(new TcpNetwork(), nodeClock, factsOf(2));
    opened.push(other);
    await expect(other.listen(a.address)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringMatching(/^cannot listen on 127\.0\.0\.1:\d+: the port is in use; .*/),
    });
    await expect(other.listen('192.0.2.1:0')).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
    await expect(other.listen('nonsense')).rejects.toMatchObject({ code: 'MALFORMED_ADDRESS' });
  });

  it('report a peer that is not there by the cause', async () => {
    const a = await listening(1);
    const gone = await listening(2);
    gone.peers.close();
    a.setMembers(gone);
    a.peers.setMembers([
      { id: gone.id, name: 'n2', address: gone.address },
      { id: nodeId(3), name: 'n3', address: 'no-port' },
    ]);
    await vi.waitFor(() => expect(a.problems).toHaveLength(2), 5_000);
    expect(a.problems).toContainEqual(
      expect.objectContaining({ type: 'unreachable', reason: expect.stringContaining('connection refused') }),
    );
    expect(a.problems).toContainEqual(
      expect.objectContaining({ type: 'unreachable', reason: expect.stringContaining('has no port') }),
    );
  });

  it('answer garbage with a reject, and go on', async () => {
    const [a, b] = await pair();
    const socket = await rawTo(b);
    const decoder = new FrameDecoder();
    socket.on('data', (chunk) => decoder.push(chunk));
    socket.write('GET /health HTTP/1.1\r\nHost: peer\r\n\r\n');
    await once(socket, 'close');
    const answer = decoder.next();
    expect(utf8Text((answer as { payload: Uint8Array }).payload.subarray(2))).toContain('speaks HTTP');
    a.peers.send(b.id, 16, utf8('undisturbed'));
    await vi.waitFor(() => expect(b.frames).toHaveLength(1), 5_000);
  });

  it('close a connection on which nothing is said', async () => {
    const b = await listening(2);
    const socket = await rawTo(b);
    socket.resume();
    await once(socket, 'close');
    expect(b.problems).toMatchObject([
      { code: 'malformed', text: expect.stringContaining('no hello within') },
    ]);
  });
});
