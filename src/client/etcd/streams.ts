import { type ClientDuplexStream, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { pause } from '../pause.ts';
import type { Cluster } from '../wire/cluster.ts';
import type { Connection } from '../wire/connection.ts';
import { wantsToken } from '../wire/identity.ts';

/** Between two attempts to open a stream, in ms: the first follows soon, as another server is probably there. */
const pauses = [0, 50, 200, 500, 1_000];

/** After a stream that lived so long, in ms, the pauses begin anew. */
const longLifeMs = 1_000;

/** How long an attempt to reach a server may take before the others are thought of. */
const reachMs = 5_000;

export interface StreamHandler {
  opened(stream: ClientDuplexStream<Uint8Array, Uint8Array>): void;
  message(bytes: Uint8Array): void;
  closed(): void;
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
  #sent: Metadata | undefined;
  /** When the last message came, of `performance.now()`. */
  #heard = 0;
  #closed = false;
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
    cluster.onSuspicion((connection, since) => {
      if (connection === this.#connection && this.#heard < since) this.restart();
    });
  }

  /** The server that the stream leads to now. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  want(): void {
    if (this.#closed) return;
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  unwant(): void {
    this.#wanted = false;
    this.#failures = 0;
    this.#stop.abort();
    this.#stream?.cancel();
  }

  /** It is never wanted again. */
  close(): void {
    this.#closed = true;
    this.unwant();
  }

  /** The token of the present stream is not taken: the next one gets another. False when there is nobody to be. */
  renewIdentity(): boolean {
    return this.#sent !== undefined && this.#cluster.renewIdentity(this.#sent);
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
    this.#sent = metadata;
    this.#stream = stream;
    const since = performance.now();
    const why = await new Promise<ServiceError | undefined>((resolve) => {
      stream.on('data', (bytes: Uint8Array) => {
        this.#heard = performance.now();
        try {
          handler.message(bytes);
        } catch {
          // What does not decode is no answer of ours to a request of ours: another server may do better.
          stream.cancel();
        }
      });
      stream.on('error', (error: ServiceError) => resolve(error));
      stream.on('end', () => resolve(undefined));
      handler.opened(stream);
    });
    // A stream keeps the token that it was opened with, and that may have expired.
    if (why?.code === status.UNAUTHENTICATED || wantsToken(why?.details ?? '')) this.renewIdentity();
    this.#connection = undefined;
    this.#sent = undefined;
    this.#stream = undefined;
    stream.cancel();
    if (performance.now() - since >= longLifeMs) this.#failures = 0;
    handler.closed();
    // Whatever ended it, but for us, the next attempt begins with another server.
    if (!this.#stop.signal.aborted) this.#cluster.passOver(connection);
  }
}
