import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { pause } from '../pause.ts';
import type { Cluster } from '../wire/cluster.ts';
import type { Connection } from '../wire/connection.ts';

/** Between two attempts to open a stream, in ms: the first follows soon, as another server is probably there. */
const pauses = [0, 50, 200, 500, 1_000];

/** After a stream that lived so long, in ms, the pauses begin anew. */
const longLifeMs = 1_000;

/** How long an attempt to reach a server may take before the others are thought of. */
const reachMs = 5_000;

export interface StreamHandler {
  opened(stream: ClientDuplexStream<Uint8Array, Uint8Array>): void;
  message(bytes: Uint8Array): void;
  closed(why: Error): void;
}

/** Opens a stream at some server, again and again while it is wanted; moves it away from servers that went silent. */
export class PersistentStream {
  readonly #cluster: Cluster;
  readonly #path: string;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #handler: () => StreamHandler;
  #wanted = false;
  #running = false;
  #failures = 0;
  #connection: Connection | undefined;
  #stream: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;
  #stop = new AbortController();

  /** `handler` makes one for each stream. */
  constructor(
    cluster: Cluster,
    path: string,
    metadata: Readonly<Record<string, string>>,
    handler: () => StreamHandler,
  ) {
    this.#cluster = cluster;
    this.#path = path;
    this.#metadata = metadata;
    this.#handler = handler;
    cluster.onSuspicion((connection) => {
      if (connection === this.#connection) this.restart();
    });
  }

  /** The server that the stream leads to now. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  want(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  unwant(): void {
    this.#wanted = false;
    this.#failures = 0;
    this.#stop.abort();
    this.#stream?.cancel();
  }

  /** Ends the present stream; another one follows if it is still wanted. */
  restart(): void {
    this.#stream?.cancel();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#wanted) {
      this.#stop = new AbortController();
      await pause(pauses[Math.min(this.#failures, pauses.length - 1)] ?? 0, this.#stop.signal);
      if (!this.#wanted) break;
      await this.#once().catch(() => undefined);
      if (!this.#stop.signal.aborted) this.#failures += 1;
    }
    this.#running = false;
  }

  async #once(): Promise<void> {
    const limits = { deadline: Date.now() + reachMs, signal: this.#stop.signal, patient: true };
    const { connection, metadata } = await this.#cluster.reach(limits);
    if (!this.#wanted) return;
    for (const [name, value] of Object.entries(this.#metadata)) metadata.set(name, value);
    const handler = this.#handler();
    const stream = connection.duplex(this.#path, metadata);
    this.#connection = connection;
    this.#stream = stream;
    const since = performance.now();
    const why = await new Promise<Error>((resolve) => {
      stream.on('data', (bytes: Uint8Array) => {
        try {
          handler.message(bytes);
        } catch {
          // What does not decode is no answer of ours to a request of ours: another server may do better.
          stream.cancel();
        }
      });
      stream.on('error', (error: ServiceError) => resolve(error));
      stream.on('end', () => resolve(new Error('the server ended the stream')));
      handler.opened(stream);
    });
    this.#connection = undefined;
    this.#stream = undefined;
    stream.cancel();
    if (performance.now() - since >= longLifeMs) this.#failures = 0;
    handler.closed(why);
    // Whatever ended it, but for us, the next attempt begins with another server.
    if (!this.#stop.signal.aborted) this.#cluster.passOver(connection);
  }
}
