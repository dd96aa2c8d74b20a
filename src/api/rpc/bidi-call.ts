import { constants, type ServerHttp2Stream } from 'node:http2';
import { lingerMs, maxRpcMessageBytes, requestArrivalTimeoutMs } from '../limits.ts';
import type { ReceiveShare } from '../receive-budget.ts';
import { frameParts, MessageSplitter, statusTrailers } from './framing.ts';
import {
  type BidiHandler,
  type BidiReceiver,
  type BidiStream,
  type Call,
  Code,
  Failure,
  type FaultReport,
  internalError,
  tooSlow,
} from './rpc.ts';

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' };
const waitForTrailers = { waitForTrailers: true };

/** A gRPC call in which both sides stream, over one HTTP/2 stream. */
export class BidiCall implements BidiStream {
  readonly #stream: ServerHttp2Stream;
  readonly #call: Call;
  readonly #share: ReceiveShare;
  readonly #fault: FaultReport;
  readonly #splitter = new MessageSplitter(maxRpcMessageBytes);
  #receiver: BidiReceiver | undefined;
  #paused = false;
  #delivering = false;
  #clientEnded = false;
  #answered = false;
  /** While a message is not complete. */
  #impatience: NodeJS.Timeout | undefined;

  private constructor(stream: ServerHttp2Stream, call: Call, share: ReceiveShare, fault: FaultReport) {
    this.#stream = stream;
    this.#call = call;
    this.#share = share;
    this.#fault = fault;
  }

  /** Takes over a stream until its end; the call is in `calls` meanwhile. */
  static serve(
    stream: ServerHttp2Stream,
    call: Call,
    open: BidiHandler,
    share: ReceiveShare,
    fault: FaultReport,
    calls: Set<BidiCall>,
  ): void {
    const bidi = new BidiCall(stream, call, share, fault);
    bidi.#guarded(() => {
      bidi.#receiver = open(bidi);
    });
    if (bidi.#receiver === undefined) return;
    calls.add(bidi);
    stream.on('close', () => {
      calls.delete(bidi);
      bidi.#closed();
    });
    stream.on('data', (part: Buffer) => bidi.#received(part));
    stream.on('end', () => bidi.#ended());
    stream.on('drain', () => {
      if (!bidi.#answered) bidi.#guarded(() => bidi.#receiver?.writable());
    });
  }

  get method(): string {
    return this.#call.method;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  get certificateName(): string | undefined {
    return this.#call.certificateName;
  }

  metadata(key: string): string | undefined {
    return this.#call.metadata(key);
  }

  remainingMs(): number | undefined {
    return this.#call.remainingMs();
  }

  get queuedBytes(): number {
    return this.#stream.writableLength;
  }

  send(...parts: readonly Uint8Array[]): boolean {
    if (this.#answered || this.cancelled) return true;
    this.#respond();
    const stream = this.#stream;
    const [head, ...rest] = frameParts(parts);
    if (rest.length === 0) return stream.write(head);
    stream.cork();
    stream.write(head);
    let room = true;
    for (const part of rest) room = stream.write(part);
    stream.uncork();
    return room;
  }

  end(failure?: Failure): void {
    if (this.#answered || this.cancelled) return;
    this.#answered = true;
    const stream = this.#stream;
    const trailers = statusTrailers(failure);
    this.#lookAtArrival();
    // What the client still sends is nobody's any more.
    this.#share.release();
    stream.resume();
    if (!stream.headersSent) {
      stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
    } else {
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end();
    }
    // A reset overtakes trailers that have not left yet, so the client is given time to end its side by itself. One that
    // does not read never gets them: without an error code the reset would wait for that.
    const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
    const reset = (): void => stream.close(stream.writableFinished ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    const impatience = setTimeout(reset, lingerMs).unref();
    stream.on('close', () => clearTimeout(impatience));
  }

  pause(): void {
    this.#paused = true;
    this.#lookAtArrival();
    if (!this.#answered) this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#answered || this.cancelled) return;
    this.#deliver();
    this.#lookAtArrival();
    if (!this.#paused) this.#stream.resume();
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(responseHeaders, waitForTrailers);
  }

  #received(part: Buffer): void {
    if (this.#answered) return;
    this.#splitter.add(part);
    this.#deliver();
    if (this.#answered) return;
    this.#lookAtArrival();
    this.#share.release();
    if (this.#share.hold(this.#splitter.length)) return;
    this.end(
      new Failure(Code.resourceExhausted, 'etcdserver: too many requests', { 'quorate-outcome': 'refused' }),
    );
  }

  /** What has begun must end soon, unless it is we who take no more. */
  #lookAtArrival(): void {
    if (this.#splitter.length === 0 || this.#paused || this.#answered) {
      clearTimeout(this.#impatience);
      this.#impatience = undefined;
    } else this.#impatience ??= setTimeout(() => this.end(tooSlow), requestArrivalTimeoutMs).unref();
  }

  /** Hands over what is complete, one by one: the service may pause after each. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    this.#guarded(() => {
      while (!this.#paused && !this.#answered && !this.cancelled) {
        const message = this.#splitter.next();
        if (message instanceof Failure) return this.end(message);
        if (message === undefined) return this.#deliverEnd();
        clearTimeout(this.#impatience);
        this.#impatience = undefined;
        this.#receiver?.message(message);
      }
    });
    this.#delivering = false;
  }

  #ended(): void {
    this.#clientEnded = true;
    if (!this.#paused) this.#deliver();
  }

  #deliverEnd(): void {
    if (!this.#clientEnded) return;
    this.#clientEnded = false;
    if (this.#splitter.length === 0) this.#receiver?.ended();
    else this.end(new Failure(Code.internal, 'the request ended before its message was complete'));
  }

  #closed(): void {
    this.#answered = true;
    this.#lookAtArrival();
    this.#share.release();
    try {
      this.#receiver?.closed();
    } catch (error) {
      this.#fault(error, this.method);
    }
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fault(error, this.method);
      this.end(internalError);
    }
  }
}
