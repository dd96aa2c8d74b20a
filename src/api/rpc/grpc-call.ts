import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { maxRpcMessageBytes, requestArrivalTimeoutMs } from '../limits.ts';
import type { ReceiveBudget, ReceiveShare } from '../receive-budget.ts';
import type { AnswerWindow } from './answer-window.ts';
import { BidiCall } from './bidi-call.ts';
import { certificateName } from './certificate.ts';
import { frame, MessageCollector, parseTimeout, statusTrailers } from './framing.ts';
import {
  type Call,
  Code,
  Failure,
  type FaultReport,
  internalError,
  type Method,
  refusedTrailers,
  type Services,
  tooSlow,
} from './rpc.ts';

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' };
const waitForTrailers = { waitForTrailers: true };
const okTrailers = statusTrailers(undefined);
const unreadAnswers = new Failure(
  Code.resourceExhausted,
  'too many answers of this connection have not been read: read them first, or ask for less at a time',
  { 'quorate-outcome': 'unknown' },
);

const arrivedLate = new Failure(
  Code.deadlineExceeded,
  'the deadline had passed before the call arrived',
  refusedTrailers,
);

/** What the calls of all connections share. */
export interface CallHost {
  readonly services: Services;
  readonly fault: FaultReport;
  /** Those that are under way. */
  readonly bidiCalls: Set<BidiCall>;
}

/** What those of one connection share. */
export interface CallConnection {
  readonly window: AnswerWindow;
  readonly budget: ReceiveBudget;
}

/** One gRPC call over one HTTP/2 stream. */
export class GrpcCall implements Call {
  readonly method: string;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #deadline: number | undefined;
  readonly #share: ReceiveShare;
  readonly #collector = new MessageCollector(maxRpcMessageBytes);
  readonly #fault: FaultReport;
  readonly #window: AnswerWindow;
  #answered = false;
  #held = 0;

  private constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    method: string,
    deadline: number | undefined,
    fault: FaultReport,
    { window, budget }: CallConnection,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.method = method;
    this.#deadline = deadline;
    this.#share = budget.share();
    this.#fault = fault;
    this.#window = window;
  }

  /** Takes over a stream whose content type is gRPC's, until its end. */
  static serve(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    host: CallHost,
    connection: CallConnection,
  ): void {
    const { services, fault, bidiCalls } = host;
    const path = headers[':path'] ?? '';
    const timeoutText = headers['grpc-timeout'];
    const timeout = typeof timeoutText === 'string' ? parseTimeout(timeoutText) : undefined;
    const deadline = timeout === undefined ? undefined : performance.now() + timeout;
    const call = new GrpcCall(stream, headers, path, deadline, fault, connection);
    const method = services.methods.get(path);
    if (method === undefined) {
      call.#fail(services.unimplemented(path));
    } else if (headers[':method'] !== 'POST') {
      call.#fail(new Failure(Code.internal, 'gRPC calls are POST requests', refusedTrailers));
    } else if (timeoutText !== undefined && timeout === undefined) {
      call.#fail(new Failure(Code.internal, `malformed grpc-timeout "${timeoutText}"`, refusedTrailers));
    } else if (method.type === 'bidi') {
      BidiCall.serve(stream, call, method.open, call.#share, fault, bidiCalls);
    } else {
      call.#receive(method);
    }
  }

  metadata(key: string): string | undefined {
    const value = this.#headers[key];
    return Array.isArray(value) ? value[0] : value;
  }

  get certificateName(): string | undefined {
    return certificateName(this.#stream.session?.socket);
  }

  remainingMs(): number | undefined {
    return this.#deadline === undefined ? undefined : Math.max(0, this.#deadline - performance.now());
  }

  get cancelled(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  #receive(method: Exclude<Method, { type: 'bidi' }>): void {
    const stream = this.#stream;
    let leave = (): void => {};
    // Also for one that waits behind answers that its client does not read.
    const impatience = setTimeout(() => this.#fail(tooSlow), requestArrivalTimeoutMs).unref();
    stream.on('data', (part: Buffer) => {
      if (this.#answered) return;
      const failure = this.#share.hold(part.length)
        ? this.#collector.add(part)
        : new Failure(Code.resourceExhausted, 'etcdserver: too many requests', refusedTrailers);
      if (failure !== undefined) this.#fail(failure);
    });
    stream.on('end', () => {
      if (this.#answered || this.cancelled) return;
      leave = this.#window.enter(() => {
        clearTimeout(impatience);
        if (!this.#answered) this.#begin(method);
      });
    });
    stream.on('close', () => {
      clearTimeout(impatience);
      this.#share.release();
      leave();
      this.#window.release(this.#held);
    });
  }

  #begin(method: Exclude<Method, { type: 'bidi' }>): void {
    this.#share.release();
    const message = this.#collector.finish();
    if (message instanceof Failure) this.#fail(message);
    else if (this.#deadline !== undefined && this.#deadline <= performance.now()) {
      this.#fail(arrivedLate);
    } else if (method.type === 'unary') void this.#unary(method.handle, message);
    else void this.#serverStream(method.handle, message);
  }

  async #unary(handle: Extract<Method, { type: 'unary' }>['handle'], message: Uint8Array): Promise<void> {
    let answer: Uint8Array | Failure;
    try {
      answer = await handle(message, this);
    } catch (error) {
      answer = this.#internal(error);
    }
    if (this.cancelled) return;
    if (answer instanceof Failure) return this.#fail(answer);
    if (!this.#window.hold(answer.length)) return this.#fail(unreadAnswers);
    this.#held = answer.length;
    this.#answered = true;
    const stream = this.#stream;
    stream.respond(responseHeaders, waitForTrailers);
    stream.on('wantTrailers', () => stream.sendTrailers(okTrailers));
    stream.end(frame(answer));
  }

  async #serverStream(
    handle: Extract<Method, { type: 'serverStream' }>['handle'],
    message: Uint8Array,
  ): Promise<void> {
    const stream = this.#stream;
    let result: Failure | undefined;
    const answers = handle(message, this);
    const close = (): void => void answers.return(undefined);
    stream.once('close', close);
    try {
      for (;;) {
        const next = await answers.next();
        if (this.cancelled) return;
        if (next.done) {
          result = next.value;
          break;
        }
        if (!stream.headersSent) stream.respond(responseHeaders, waitForTrailers);
        if (!stream.write(frame(next.value))) await this.#writable();
        if (this.cancelled) return;
      }
    } catch (error) {
      result = this.#internal(error);
    } finally {
      stream.off('close', close);
      if (this.cancelled) close();
    }
    if (this.cancelled) return;
    if (!stream.headersSent && result !== undefined) return this.#fail(result);
    this.#answered = true;
    if (!stream.headersSent) stream.respond(responseHeaders, waitForTrailers);
    stream.on('wantTrailers', () => stream.sendTrailers(statusTrailers(result)));
    stream.end();
  }

  /** Room for more, or the end of the stream. */
  #writable(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        this.#stream.off('close', done);
        resolve();
      };
      this.#stream.on('drain', done);
      this.#stream.on('close', done);
    });
  }

  /** Answers with headers alone, and does not wait for what the client still wants to send. */
  #fail(failure: Failure): void {
    this.#share.release();
    if (this.#answered || this.cancelled) return;
    this.#answered = true;
    this.#stream.respond({ ...responseHeaders, ...statusTrailers(failure) }, { endStream: true });
    this.#stream.resume();
    if (!this.#stream.readableEnded) this.#stream.close();
  }

  #internal(error: unknown): Failure {
    this.#fault(error, this.method);
    return internalError;
  }
}
