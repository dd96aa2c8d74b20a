/**
 * Byte streams between replicas: callbacks only, so that the simulator can own them. TCP and TLS are the shells.
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
  close(): void;
}

export interface ConnectionHandlers {
  open(): void;
  data(chunk: Uint8Array): void;
  /** Room again after `write` returned false. */
  drain(): void;
  /** Exactly once, last of all; `reason` is for people. */
  close(reason: string): void;
}

export interface Connection {
  /** For people and logs; for TLS with the name in the peer's certificate. */
  readonly remote: string;
  /** To be set by the acceptor of an inbound connection before it returns. */
  handlers: ConnectionHandlers;
  /** Queues the parts in order; false when the queue is above its mark: hold back bulk until `drain`. */
  write(parts: readonly Uint8Array[]): boolean;
  /** Stops and restarts the flow of `data`. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
}
