import type { ReplicaHandle } from '../replica/types.ts';
import type { WatchHub, WatchStats } from '../replica/watches/hub.ts';
import { SimpleTokens } from './auth/simple-tokens.ts';
import { defaultTokenTtlMs, type Tokens } from './auth/tokens.ts';
import { ClientPort, type ClientPortOptions, type ClientTls } from './client-port.ts';
import { etcdDoor } from './etcd/services.ts';
import { Http1Endpoint } from './http/http1.ts';
import { httpRoutes, type MetricsSource } from './http/routes.ts';
import { maxPendingRequestBytes } from './limits.ts';
import { ReceiveBudget } from './receive-budget.ts';
import { Http2Endpoint } from './rpc/http2.ts';

export interface ClientServerOptions {
  readonly replica: ReplicaHandle;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tls?: ClientTls | undefined;
  /** Whether the replicas speak TLS with each other; for the URLs in member lists. */
  readonly peerTls: boolean;
  /** How users who have shown their password are known afterwards; by default as etcd does it by default. */
  readonly tokens?: Tokens | undefined;
  /** Bytes that the state may use; undefined for as many as the disk holds. */
  readonly quotaBytes?: number | undefined;
  /** Milliseconds between two messages to a watcher who wants to know how far his watch has come; 10 minutes by default. */
  readonly progressIntervalMs?: number | undefined;
  /** Of quorate, for /version; left out there when absent. */
  readonly version?: string | undefined;
  readonly metrics: MetricsSource;
  /** For operators: connections that were turned away. */
  readonly onRejected?: ClientPortOptions['onRejected'];
  /** An exception while answering, which no client should be able to cause. The client is told that it does not know. */
  readonly onFault: (error: unknown, method: string) => void;
}

/** Serves clients on one port. */
export class ClientServer {
  readonly #port: ClientPort;
  readonly #http1: Http1Endpoint;
  readonly #http2: Http2Endpoint;

  readonly #watches: WatchHub;

  private constructor(port: ClientPort, http1: Http1Endpoint, http2: Http2Endpoint, watches: WatchHub) {
    this.#port = port;
    this.#http1 = http1;
    this.#http2 = http2;
    this.#watches = watches;
  }

  /** Rejects with `ListenError` or `ClientTlsError` when the port cannot be opened. */
  static async listen(options: ClientServerOptions): Promise<ClientServer> {
    const { replica, metrics, onFault: fault } = options;
    const schemes = {
      peer: options.peerTls ? 'https' : 'http',
      client: options.tls ? 'https' : 'http',
    } as const;
    const { services, gateway, watches } = etcdDoor({
      replica,
      schemes,
      quotaBytes: options.quotaBytes,
      tokens: options.tokens ?? new SimpleTokens({ ttlMs: defaultTokenTtlMs, now: Date.now }),
      progressIntervalMs: options.progressIntervalMs,
      certificateNames: options.tls?.clientCertAuth === true,
      fault,
    });
    const { stopping } = services;
    const handle = httpRoutes({
      replica,
      gateway: { methods: gateway, stopping },
      metrics,
      fault,
      version: options.version,
    });
    const budget = new ReceiveBudget(maxPendingRequestBytes);
    const http1 = new Http1Endpoint(handle, budget);
    const http2 = new Http2Endpoint(services, handle, budget, fault);
    const port = await ClientPort.listen({
      host: options.host,
      port: options.port,
      tls: options.tls,
      http1: (socket) => http1.accept(socket),
      http2: (socket) => http2.accept(socket),
      ...(options.onRejected && { onRejected: options.onRejected }),
    });
    return new ClientServer(port, http1, http2, watches);
  }

  /** host:port as bound. */
  get address(): string {
    return this.#port.address;
  }

  get connections(): number {
    return this.#port.connections;
  }

  /** Watches of all clients, and how many of them are behind. */
  watches(): WatchStats {
    return this.#watches.stats();
  }

  /** Takes no new connections and calls, lets those under way finish, and ends what is left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#port.stopListening();
    await Promise.all([this.#http1.close(graceMs), this.#http2.close(graceMs)]);
    this.#port.destroyConnections();
    this.#watches.close();
  }
}
