/**
 * Byte streams between replicas: callbacks only, so that the simulator can own them. TCP and TLS are the shells. No
 * callback comes before the call that asked for it has returned.
 */
export interface Network {
  listen(address: string, onConnection: (connection: Connection) => void, callback: ListenCallback): void;
  /** The connection may be written to at once; whether it was established comes as `open` or `close`. */
  connect(address: string, handlers: ConnectionHandlers): Connection;
}

export type ListenCallback = (error: Error | undefined, listener: Listener | undefined) => void;

export interface Listener {
  /** As bound: with the port that was chosen when 0 was asked for. */
  readonly address: string;
  /** Takes no more connections; those that exist go on. */
  close(): void;
}

export interface ConnectionHandlers {
  open(): void;
  data(chunk: Uint8Array): void;
  /** Room again after `write` returned false. */
  drain(): void;
  /** Exactly once, last of all, also after our own `end` or `destroy`; `reason` is for people. */
  close(reason: string): void;
}

export interface Connection {
  /** For people and logs; for TLS with the name in the peer's certificate. */
  readonly remote: string;
  /** To be set by the acceptor of an inbound connection before it returns. An inbound connection gets no `open`. */
  handlers: ConnectionHandlers;
  /**
   * Queues the parts in order; false when the queue is above its mark: hold back bulk until `drain`. The parts belong to
   * the connection from then on. Without effect once the connection is closed.
   */
  write(parts: readonly Uint8Array[]): boolean;
  /** Stops and restarts the flow of `data`. While stopped, `close` may come late. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends. */
  end(): void;
  /** Ends at once; what is queued is lost. */
  destroy(): void;
}
