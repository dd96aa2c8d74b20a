/**
 * Remote calls as services see them: a method path, metadata, bytes in, bytes out. Services know no gRPC library; an
 * adapter binds them to one.
 */
export interface Call {
  /** "/package.Service/Method". */
  readonly method: string;
  /** The first value of a metadata key, in lower case. */
  metadata(key: string): string | undefined;
  /** Milliseconds that the client is still willing to wait; undefined when it did not say. Never below 0. */
  remainingMs(): number | undefined;
  /** The client went away or withdrew the call: nobody reads the answer. */
  readonly cancelled: boolean;
  /** Common name of the certificate that the client has shown; undefined when the port does not ask for one. */
  readonly certificateName: string | undefined;
}

export const Code = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type Code = (typeof Code)[keyof typeof Code];

/** How a call failed. A value and not an exception: refusals are ordinary, and overload is no time for stack traces. */
export class Failure {
  readonly code: Exclude<Code, 0>;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>> | undefined;

  constructor(code: Exclude<Code, 0>, message: string, trailers?: Readonly<Record<string, string>>) {
    this.code = code;
    this.message = message;
    this.trailers = trailers;
  }
}

/** Of a failure before anything was done: a write did not happen, and will not. */
export const refusedTrailers = { 'quorate-outcome': 'refused' } as const;

/** An exception, which no client should be able to cause: whoever runs the server finds it in the log. */
export const internalError = new Failure(Code.internal, 'internal error: the server has logged it', {
  'quorate-outcome': 'unknown',
});

/** A request, or a message of a stream, that begins and does not end. */
export const tooSlow = new Failure(
  Code.deadlineExceeded,
  'the request did not arrive in time: nothing was changed, send it again',
  refusedTrailers,
);

/** Told of such an exception, in a service or where its calls are carried. */
export type FaultReport = (error: unknown, method: string) => void;

/** What a service is when a stream was refused before it was opened. */
export const nobody: BidiReceiver = { message() {}, ended() {}, writable() {}, closed() {} };

/** Answers one request with one message. Bytes handed over are immutable from then on. */
export type UnaryHandler = (
  request: Uint8Array,
  call: Call,
) => Uint8Array | Failure | Promise<Uint8Array | Failure>;

/**
 * Answers one request with a stream of messages. The next message is asked for when the client has room for it, and the
 * generator is closed when the client goes away.
 */
export type ServerStreamHandler = (
  request: Uint8Array,
  call: Call,
) => AsyncGenerator<Uint8Array, Failure | undefined, undefined>;

/** The server's end of a call in which both sides send messages whenever they like. */
export interface BidiStream extends Call {
  /**
   * Sends a message, whose parts may be shared with other messages. False when the client is behind: this message is
   * taken, and the next should wait for `writable`. Messages sent after the end, or to a client that is gone, are dropped.
   */
  send(...parts: readonly Uint8Array[]): boolean;
  /** Bytes that were sent, and that the client has not taken yet. */
  readonly queuedBytes: number;
  /** Ends the call, by failure or well. What was sent before arrives before. */
  end(failure?: Failure): void;
  /** Takes no further messages until `resume`: what the client sends meanwhile waits in the client. */
  pause(): void;
  resume(): void;
}

/** What a service makes of such a call. None of these is called before `open` has returned. */
export interface BidiReceiver {
  /** One message of the client. Never called while the stream is paused. */
  message(message: Uint8Array): void;
  /** The client sends no more; it may still listen. */
  ended(): void;
  /** `send` had answered false, and there is room again. */
  writable(): void;
  /** The call is over, whoever ended it. Called once, last. */
  closed(): void;
}

export type BidiHandler = (stream: BidiStream) => BidiReceiver;

export type Method =
  | { readonly type: 'unary'; readonly handle: UnaryHandler }
  | { readonly type: 'serverStream'; readonly handle: ServerStreamHandler }
  | { readonly type: 'bidi'; readonly open: BidiHandler };

/** Everything that a port serves, by method path. */
export interface Services {
  readonly methods: ReadonlyMap<string, Method>;
  /** What to say to a method that is not in `methods`. */
  unimplemented(path: string): Failure;
  /** What to say to calls that have no end of their own, when the server stops. */
  readonly stopping: Failure;
}
