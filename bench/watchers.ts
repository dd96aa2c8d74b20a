import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { WatchCreateRequest, WatchRequest } from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { frame } from '../src/api/rpc/framing.ts';
import { table } from '../src/cli/output.ts';
import { Calls, putRequest } from '../src/client/wire/index.ts';
import { utf8 } from '../src/core/bytes.ts';
import { residentMiB, type Subject } from './subject.ts';

const settleMs = 3_000;
const puts = 20;
const valueBytes = 256;
const timeoutMs = 120_000;

/** How many watches, on how many streams of how many connections; `key` of each by its number. */
interface Shape {
  readonly name: string;
  readonly connections: number;
  readonly streams: number;
  readonly watches: number;
  readonly key: (watch: number) => string;
  readonly told: boolean;
}

const hot = 'hot';
const shapes: readonly Shape[] = [
  {
    name: '10,000 of one key, a stream each',
    connections: 10,
    streams: 10_000,
    watches: 10_000,
    key: () => hot,
    told: true,
  },
  {
    name: '10,000 of one key, 100 streams',
    connections: 10,
    streams: 100,
    watches: 10_000,
    key: () => hot,
    told: true,
  },
  {
    name: '100,000 of other keys, 100 streams',
    connections: 10,
    streams: 100,
    watches: 100_000,
    key: (watch) => `idle/${watch}`,
    told: false,
  },
];

const header = [
  '',
  'WATCHES',
  'STREAMS',
  'MIB',
  'BYTES EACH',
  'CREATED PER S',
  'PUT MS',
  'ALL TOLD MS',
  'WORST MS',
];

/** Memory of the replica that serves the watches, and how long a put takes to reach all of them. */
export async function measureWatchers(start: () => Promise<Subject>): Promise<string> {
  const rows: string[][] = [];
  for (const shape of shapes) {
    // Memory that a process has used once says nothing of what comes after.
    await using subject = await start();
    rows.push(await measureShape(subject, shape));
  }
  return table(header, rows);
}

async function measureShape(subject: Subject, shape: Shape): Promise<string[]> {
  const { address, pid } = await subject.leader();
  const client = new Calls({ servers: [{ address, tls: undefined }], timeoutMs: 30_000 });
  const watchers = new Watchers(address, shape);
  try {
    await client.put(putRequest({ key: utf8(hot), value: new Uint8Array(valueBytes) }));
    await pause(settleMs);
    const before = residentMiB(pid) ?? 0;
    const began = performance.now();
    await watchers.create();
    const createMs = performance.now() - began;
    await pause(settleMs);
    const mebibytes = (residentMiB(pid) ?? 0) - before;
    const putMs: number[] = [];
    const toldMs: number[] = [];
    for (let round = 0; round < puts; round++) {
      const start = performance.now();
      const told = shape.told ? watchers.received(watchers.messages + shape.watches) : undefined;
      await client.put(putRequest({ key: utf8(hot), value: new Uint8Array(valueBytes) }));
      putMs.push(performance.now() - start);
      await told;
      toldMs.push(performance.now() - start);
      await pause(100);
    }
    return [
      `${subject.name}: ${shape.name}`,
      String(shape.watches),
      String(shape.streams),
      String(mebibytes),
      String(Math.round((mebibytes * 1024 * 1024) / shape.watches)),
      String(Math.round((shape.watches * 1000) / createMs)),
      median(putMs).toFixed(1),
      shape.told ? median(toldMs).toFixed(0) : '-',
      shape.told ? Math.max(...toldMs).toFixed(0) : '-',
    ];
  } finally {
    watchers.close();
    client.close();
    await pause(settleMs);
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** A client that counts messages and looks into none, so that it is not what is measured. */
class Watchers {
  messages = 0;
  readonly #shape: Shape;
  readonly #sessions: ClientHttp2Session[];
  #waiting: { readonly count: number; readonly arrived: () => void } | undefined;

  constructor(address: string, shape: Shape) {
    this.#shape = shape;
    this.#sessions = Array.from({ length: shape.connections }, () => http2.connect(`http://${address}`));
    for (const session of this.#sessions) {
      session.on('error', () => {});
      session.on('connect', () => session.setLocalWindowSize(16 * 1024 * 1024));
    }
  }

  async create(): Promise<void> {
    const { streams, watches, key } = this.#shape;
    const all = this.received(watches);
    const each = watches / streams;
    for (let at = 0; at < streams; at++) {
      const stream = this.#open(this.#sessions[at % this.#sessions.length] as ClientHttp2Session);
      for (let watch = at * each; watch < (at + 1) * each; watch++) stream.write(createMessage(key(watch)));
      if (at % 100 === 99) await pause(1);
    }
    await all;
  }

  /** Resolves when so many messages have come in all. */
  received(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`${this.messages} of ${count} messages came within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      this.#waiting = {
        count,
        arrived: () => {
          clearTimeout(late);
          resolve();
        },
      };
    });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #open(session: ClientHttp2Session): ClientHttp2Stream {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.Watch/Watch',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    const counter = new MessageCounter();
    stream.on('data', (part: Buffer) => {
      this.messages += counter.add(part);
      if (this.#waiting !== undefined && this.messages >= this.#waiting.count) {
        const { arrived } = this.#waiting;
        this.#waiting = undefined;
        arrived();
      }
    });
    return stream;
  }
}

function createMessage(key: string): Buffer {
  const value = { ...WatchCreateRequest.fromJSON({}), key: utf8(key) };
  return frame(WatchRequest.encode({ requestUnion: { $case: 'createRequest', value } }).finish());
}

/** Counts gRPC messages by their prefixes. */
class MessageCounter {
  readonly #prefix: number[] = [];
  #left = 0;

  /** Messages that this part completes. */
  add(part: Buffer): number {
    let count = 0;
    let at = 0;
    while (at < part.length) {
      if (this.#prefix.length < 5) {
        this.#prefix.push(part[at++] as number);
        if (this.#prefix.length < 5) continue;
        this.#left = Buffer.from(this.#prefix).readUInt32BE(1);
      }
      const taken = Math.min(this.#left, part.length - at);
      at += taken;
      this.#left -= taken;
      if (this.#left > 0) continue;
      this.#prefix.length = 0;
      count++;
    }
    return count;
  }
}
