import type { EtcdStreamMethod } from '../etcd/method.ts';
import {
  type BidiReceiver,
  type BidiStream,
  type Call,
  Code,
  Failure,
  type FaultReport,
  internalError,
} from '../rpc/rpc.ts';
import type { HttpSink, HttpSource } from './http.ts';
import { splitJson } from './json-values.ts';

export const notJson = (error: unknown): Failure => {
  const reason = error instanceof Error ? error.message : String(error);
  return new Failure(Code.invalidArgument, `the request is not JSON: ${reason}`);
};

/** The messages of a request body: one JSON object or several; none at all is an empty message. */
export function requestMessages(method: EtcdStreamMethod, body: Uint8Array): Uint8Array[] | Failure {
  const messages: Uint8Array[] = [];
  try {
    const values = splitJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
    for (const text of values.length === 0 ? ['{}'] : values) {
      const message = method.requestFromJson(JSON.parse(text));
      if (message instanceof Failure) return message;
      messages.push(message);
    }
  } catch (error) {
    return notJson(error);
  }
  return messages;
}

export interface GatewayStreamOptions {
  readonly method: EtcdStreamMethod;
  /** All that the client sends. */
  readonly messages: readonly Uint8Array[];
  /** Who asks. */
  readonly call: Call;
  readonly errorJson: (failure: Failure) => unknown;
  /** Ends the stream when the server stops. */
  readonly stopping: Failure;
  readonly fault: FaultReport;
}

/**
 * A streaming call over plain HTTP: the body has brought all messages of the client, each message of the server is a
 * line `{"result": …}`, and a failure is the last line, `{"error": …}`.
 */
export class GatewayStream implements BidiStream, HttpSource {
  readonly #options: GatewayStreamOptions;
  readonly #sink: HttpSink;
  #waiting: Uint8Array[];
  #receiver: BidiReceiver | undefined;
  #paused = false;
  #delivering = false;
  #clientEnded = false;
  #over = false;
  #onWritable: (() => void) | undefined;
  #onClosed: (() => void) | undefined;

  constructor(options: GatewayStreamOptions, sink: HttpSink) {
    this.#options = options;
    this.#sink = sink;
    this.#waiting = [...options.messages];
    this.#guarded(() => this.#start());
  }

  get method(): string {
    return this.#options.method.path;
  }

  get cancelled(): boolean {
    return this.#over;
  }

  get certificateName(): string | undefined {
    return this.#options.call.certificateName;
  }

  metadata(key: string): string | undefined {
    return this.#options.call.metadata(key);
  }

  remainingMs(): number | undefined {
    return this.#options.call.remainingMs();
  }

  get queuedBytes(): number {
    return this.#sink.queuedBytes;
  }

  send(...parts: readonly Uint8Array[]): boolean {
    if (this.#over) return true;
    const result = this.#options.method.responseToJson(Buffer.concat(parts));
    return this.#sink.write(`${JSON.stringify({ result })}\n`);
  }

  end(failure?: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = [];
    if (failure !== undefined)
      this.#sink.write(`${JSON.stringify({ error: this.#options.errorJson(failure) })}\n`);
    this.#sink.end();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  writable(): void {
    this.#guarded(() => {
      this.#onWritable?.();
      if (!this.#over) this.#receiver?.writable();
    });
  }

  stop(): void {
    this.end(this.#options.stopping);
  }

  closed(): void {
    this.#over = true;
    this.#waiting = [];
    this.#guarded(() => {
      this.#onClosed?.();
      this.#receiver?.closed();
    });
  }

  #start(): void {
    const { method } = this.#options.method;
    if (method.type === 'bidi') {
      this.#receiver = method.open(this);
      return this.#deliver();
    }
    const [request] = this.#waiting;
    if (request === undefined || this.#waiting.length > 1)
      return this.end(new Failure(Code.invalidArgument, 'the request is one JSON object'));
    const answers = method.handle(request, this);
    this.#onClosed = () => void answers.return(undefined);
    void this.#pump(answers).catch((error: unknown) => this.#failed(error));
  }

  async #pump(answers: AsyncGenerator<Uint8Array, Failure | undefined, undefined>): Promise<void> {
    for (;;) {
      const next = await answers.next();
      if (this.#over) return;
      if (next.done) return this.end(next.value);
      if (!this.send(next.value)) await this.#room();
    }
  }

  /** Room for more, or the end. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      const closed = this.#onClosed;
      this.#onWritable = resolve;
      this.#onClosed = () => {
        closed?.();
        resolve();
      };
    });
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    this.#guarded(() => {
      while (!this.#paused && !this.#over) {
        const message = this.#waiting.shift();
        if (message !== undefined) this.#receiver?.message(message);
        else if (!this.#clientEnded) {
          this.#clientEnded = true;
          this.#receiver?.ended();
        } else break;
      }
    });
    this.#delivering = false;
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#options.fault(error, this.method);
    this.end(internalError);
  }
}
