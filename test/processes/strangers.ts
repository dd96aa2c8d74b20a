import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { concatBytes, utf8 } from '../../src/core/bytes.ts';
import { nodeId } from '../../src/core/ids.ts';
import { encodeFrames, type Frame, FrameDecoder, frameKinds } from '../../src/transport/framing.ts';
import { decodeReject, encodeHello, type Hello, type Reject } from '../../src/transport/handshake.ts';

/** A connection as programs make it that mean no good, or know no better. */
export class Stranger {
  readonly socket: Socket;
  readonly #received: Uint8Array[] = [];
  readonly #closed: Promise<void>;

  constructor(address: string) {
    const [host = '', port = ''] = address.split(':');
    this.socket = connect({ host, port: Number(port), allowHalfOpen: true });
    this.socket.on('data', (bytes) => this.#received.push(bytes));
    // A reset is one of the ways in which a server ends this, and `close` follows.
    this.socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('end', () => this.socket.end());
  }

  get received(): Uint8Array {
    return concatBytes(this.#received);
  }

  send(bytes: Uint8Array | string): this {
    this.socket.write(bytes);
    return this;
  }

  /** Resolves when the other side has ended the connection. */
  closed(): Promise<void> {
    return this.#closed;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export const framed = (...frames: readonly Frame[]): Uint8Array => concatBytes(encodeFrames(frames));

/** A frame's header that announces more than ever comes. */
export function announced(payloadBytes: number): Uint8Array {
  const header = new Uint8Array(9);
  new DataView(header.buffer).setUint32(0, payloadBytes);
  header[4] = frameKinds.hello;
  return header;
}

/** A sound hello from somebody unknown, but for what is changed in it. */
export function helloFrame(changes: Partial<Hello> = {}): Frame {
  const hello: Hello = {
    versions: { min: 1, max: 1 },
    to: nodeId(1),
    purpose: 'link',
    clusterId: 1n,
    id: nodeId(2),
    name: 'nobody',
    storageId: randomBytes(16),
    incarnation: 1,
    phase: 'member',
    baseDigest: new Uint8Array(32),
    knowsYou: false,
    peerAddress: '127.0.0.1:1',
    clientAddresses: [],
    protocol: 'raft',
    protocolVersion: 1,
    ...changes,
  };
  return { kind: frameKinds.hello, payload: encodeHello(hello) };
}

/** What the other side said when it turned this one away. */
export function rejectionIn(bytes: Uint8Array): Reject {
  const decoder = new FrameDecoder();
  decoder.push(bytes);
  const frame = decoder.next();
  if (frame === undefined || !('kind' in frame) || frame.kind !== frameKinds.reject) {
    throw new Error(`no rejection in ${bytes.length} bytes`);
  }
  return decodeReject(frame.payload);
}

/** What comes to ports that anybody can reach. */
export const garbage: Readonly<Record<string, () => Uint8Array>> = {
  'nothing, and the end': () => new Uint8Array(0),
  'one byte': () => Uint8Array.of(0),
  'random bytes': () => randomBytes(100_000),
  zeros: () => new Uint8Array(100_000),
  'HTTP/1 with an endless header': () => utf8(`GET / HTTP/1.1\r\nx: ${'y'.repeat(200_000)}`),
  'HTTP/1 that is none': () => utf8('PUT HTTP \r\n\r\n\r\n'),
  'HTTP/1 with a length that lies': () =>
    utf8('POST /v3/kv/put HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999999\r\n\r\n{}'),
  'HTTP/1 with a chunk that lies': () =>
    utf8('POST /v3/kv/put HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}'),
  'JSON without end': () => {
    const body = '['.repeat(100_000);
    return utf8(`POST /v3/kv/put HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  },
  'the preface of HTTP/2, and then garbage': () =>
    concatBytes([utf8('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(10_000)]),
  'the preface of HTTP/2, and a frame of 16 MiB': () =>
    concatBytes([utf8('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0, 1)]),
  'a TLS handshake': () => concatBytes([Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc), randomBytes(600)]),
  'a frame of 4 GiB': () => announced(0xffff_ffff),
  'a frame of 1 MiB from a stranger': () => concatBytes([announced(1024 * 1024), new Uint8Array(100_000)]),
  'a frame with a wrong checksum': () => concatBytes([announced(10), randomBytes(10)]),
  'a hello that is cut short': () => framed(helloFrame()).subarray(0, 40),
  'a hello of random bytes': () => framed({ kind: frameKinds.hello, payload: randomBytes(200) }),
  'a message without a hello': () => framed({ kind: 16, payload: randomBytes(200) }),
};
