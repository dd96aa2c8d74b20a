import { Code, Failure, refusedTrailers } from './rpc.ts';

/** Flag byte and message length before every gRPC message. */
const prefixBytes = 5;

const percentEncoded = /[^\x20-\x24\x26-\x7e]/u;

/** `message` behind its prefix. Compression is never used. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, prefixBytes);
  return framed;
}

/** Below this, copying a part costs less than sending it on its own. */
const minOwnPartBytes = 4 * 1024;

/** The message of these parts behind its prefix, in one piece when it is small; large parts are not copied. */
export function frameParts(parts: readonly Uint8Array[]): [Buffer, ...Uint8Array[]] {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length < minOwnPartBytes) return [frame(Buffer.concat(parts, length))];
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix[0] = 0;
  prefix.writeUInt32BE(length, 1);
  return [prefix, ...parts];
}

/** Length of the message behind a whole prefix, or why it will not be taken. */
function announcedLength(prefix: Uint8Array, maxBytes: number): number | Failure {
  if (prefix[0] !== 0) {
    return new Failure(
      Code.unimplemented,
      'compressed requests are not supported: send them uncompressed',
      refusedTrailers,
    );
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(1);
  if (length <= maxBytes) return length;
  return new Failure(
    Code.resourceExhausted,
    `grpc: received message larger than max (${length} vs. ${maxBytes})`,
    refusedTrailers,
  );
}

/** Puts the one request message of a call together from the pieces in which it arrives. */
export class MessageCollector {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #expected: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** A failure when the bytes cannot become an acceptable message, whatever follows. */
  add(part: Uint8Array): Failure | undefined {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#expected === undefined) {
      if (this.#length < prefixBytes) return undefined;
      const prefix = this.#parts.length === 1 ? part : Buffer.concat(this.#parts, this.#length);
      this.#parts = [prefix];
      const length = announcedLength(prefix, this.#maxBytes);
      if (length instanceof Failure) return length;
      this.#expected = prefixBytes + length;
    }
    if (this.#length > this.#expected) {
      return new Failure(Code.internal, 'more than one message in a call that takes one', refusedTrailers);
    }
    return undefined;
  }

  /** The message, once the client has sent all that it wanted to send. */
  finish(): Uint8Array | Failure {
    if (this.#expected === undefined || this.#length < this.#expected) {
      return new Failure(Code.internal, 'the request ended before its message was complete', refusedTrailers);
    }
    const [only] = this.#parts;
    const whole =
      this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts, this.#length);
    return whole.subarray(prefixBytes);
  }
}

/** Cuts what arrives of a stream of messages into messages. */
export class MessageSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  /** The next message; undefined while it is not complete; a failure when it never will be acceptable. */
  next(): Uint8Array | Failure | undefined {
    if (this.#length < prefixBytes) return undefined;
    const [first] = this.#parts;
    const prefix = first !== undefined && first.length >= prefixBytes ? first : this.#whole();
    const length = announcedLength(prefix, this.#maxBytes);
    if (length instanceof Failure) return length;
    if (this.#length < prefixBytes + length) return undefined;
    const whole = this.#whole();
    const rest = whole.subarray(prefixBytes + length);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return whole.subarray(prefixBytes, prefixBytes + length);
  }

  #whole(): Uint8Array {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined) return only;
    const whole = Buffer.concat(this.#parts, this.#length);
    this.#parts = [whole];
    return whole;
  }
}

const unitMs = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1_000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

/** Milliseconds of a `grpc-timeout` header; undefined when it is malformed. */
export function parseTimeout(text: string): number | undefined {
  const unit = unitMs.get(text.slice(-1));
  const amount = text.slice(0, -1);
  return unit === undefined || !/^\d{1,8}$/.test(amount) ? undefined : Number(amount) * unit;
}

/** The form of a status message in the `grpc-message` header: UTF-8, percent-encoded outside of printable ASCII. */
export function encodeStatusMessage(message: string): string {
  if (!percentEncoded.test(message)) return message;
  let text = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** How a call ended: the trailers, or all that there is of a call that failed at once. */
export function statusTrailers(failure: Failure | undefined): Record<string, string> {
  if (failure === undefined) return { 'grpc-status': '0' };
  return {
    'grpc-status': String(failure.code),
    'grpc-message': encodeStatusMessage(failure.message),
    ...failure.trailers,
  };
}
