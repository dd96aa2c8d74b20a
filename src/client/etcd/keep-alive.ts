import type { ClientDuplexStream } from '@grpc/grpc-js';
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { DriverCall } from '../driver.ts';
import { CoordinationError } from '../errors.ts';
import type { Cluster } from '../wire/cluster.ts';
import { streamPaths } from '../wire/methods.ts';
import { PersistentStream, type StreamHandler } from './streams.ts';

/** So much of the time of a renewal is given to one server before another one is asked. */
const share = 1 / 2;

interface Renewal {
  readonly lease: bigint;
  readonly settle: (ttl: number) => void;
}

/** Renewals that were sent on the present stream, by lease: they are answered in their order. */
type Unanswered = Map<bigint, Renewal[]>;

/** Renewals of all leases of a client, on one stream. */
export class KeepAlive {
  readonly #cluster: Cluster;
  readonly #persistent: PersistentStream;
  readonly #pending = new Set<Renewal>();
  #unanswered: Unanswered = new Map();
  #stream: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;
  #closed = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#persistent = new PersistentStream(cluster, streamPaths.leaseKeepAlive, {}, () => this.#next());
  }

  /** Seconds that the lease has from now on; 0 when it is gone. Rejects when no server says so in time. */
  async renew(lease: bigint, { signal, deadlineMs }: DriverCall): Promise<number> {
    if (this.#closed) throw new CoordinationError('closed', 'refused', 'the client is closed');
    let renewal: Renewal | undefined;
    let stop: () => void = () => undefined;
    const timers: NodeJS.Timeout[] = [];
    try {
      return await new Promise<number>((resolve, reject) => {
        const fail = (code: 'deadline' | 'aborted', message: string): void =>
          reject(new CoordinationError(code, 'refused', message));
        stop = () => fail('aborted', 'given up');
        signal?.addEventListener('abort', stop, { once: true });
        renewal = { lease, settle: resolve };
        this.#pending.add(renewal);
        const since = performance.now();
        timers.push(setTimeout(() => this.#impatient(since), deadlineMs * share));
        timers.push(setTimeout(() => fail('deadline', 'no server renewed the lease in time'), deadlineMs));
        this.#persistent.want();
        this.#send(renewal);
      });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (renewal !== undefined) this.#pending.delete(renewal);
    }
  }

  close(): void {
    this.#closed = true;
    this.#persistent.close();
  }

  /** The server takes renewals and does not answer them. */
  #impatient(since: number): void {
    const { connection } = this.#persistent;
    if (connection === undefined) return;
    this.#cluster.suspect(connection, since);
    this.#persistent.restart();
  }

  #send(renewal: Renewal): void {
    if (this.#stream === undefined) return;
    const { lease } = renewal;
    const sent = this.#unanswered.get(lease);
    if (sent === undefined) this.#unanswered.set(lease, [renewal]);
    else sent.push(renewal);
    this.#stream.write(LeaseKeepAliveRequest.encode({ ID: lease }).finish());
  }

  /** Of the first that was not answered: a late answer must not count for a renewal that was sent after it. */
  #answered({ ID, TTL }: LeaseKeepAliveResponse): void {
    const sent = this.#unanswered.get(ID);
    const renewal = sent?.shift();
    if (sent?.length === 0) this.#unanswered.delete(ID);
    renewal?.settle(Number(TTL));
  }

  #next(): StreamHandler {
    return {
      opened: (stream: ClientDuplexStream<Uint8Array, Uint8Array>) => {
        this.#stream = stream;
        this.#unanswered = new Map();
        for (const renewal of this.#pending) this.#send(renewal);
      },
      message: (bytes: Uint8Array) => this.#answered(LeaseKeepAliveResponse.decode(bytes)),
      closed: () => {
        this.#stream = undefined;
        if (this.#pending.size === 0) this.#persistent.unwant();
      },
    };
  }
}
