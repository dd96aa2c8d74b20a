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

/** Renewals of all leases of a client, on one stream. */
export class KeepAlive {
  readonly #cluster: Cluster;
  readonly #persistent: PersistentStream;
  readonly #pending = new Set<Renewal>();
  #stream: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#persistent = new PersistentStream(cluster, streamPaths.leaseKeepAlive, {}, () => this.#next());
  }

  /** Seconds that the lease has from now on; 0 when it is gone. Rejects when no server says so in time. */
  async renew(lease: bigint, { signal, deadlineMs }: DriverCall): Promise<number> {
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
        timers.push(setTimeout(() => this.#impatient(), deadlineMs * share));
        timers.push(setTimeout(() => fail('deadline', 'no server renewed the lease in time'), deadlineMs));
        this.#persistent.want();
        this.#send(lease);
      });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (renewal !== undefined) this.#pending.delete(renewal);
    }
  }

  close(): void {
    this.#persistent.unwant();
  }

  /** The server takes renewals and does not answer them. */
  #impatient(): void {
    const { connection } = this.#persistent;
    if (connection !== undefined) this.#cluster.suspect(connection);
  }

  #send(lease: bigint): void {
    this.#stream?.write(LeaseKeepAliveRequest.encode({ ID: lease }).finish());
  }

  #next(): StreamHandler {
    return {
      opened: (stream: ClientDuplexStream<Uint8Array, Uint8Array>) => {
        this.#stream = stream;
        for (const { lease } of this.#pending) this.#send(lease);
      },
      message: (bytes: Uint8Array) => {
        const { ID, TTL } = LeaseKeepAliveResponse.decode(bytes);
        for (const renewal of this.#pending) if (renewal.lease === ID) renewal.settle(Number(TTL));
      },
      closed: () => {
        this.#stream = undefined;
        if (this.#pending.size === 0) this.#persistent.unwant();
      },
    };
  }
}
