import { allocate, concatBytes, emptyBytes, part } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { maxFrameBytes } from '../core/limits.ts';

/**
 * A connection between replicas carries frames from its first byte on: length of the payload (u32), kind (u8), CRC-32C of
 * those five bytes and the payload (u32), payload. TCP's own checksum misses too much to build agreement on it.
 * docs/formats/wire.md is the reference.
 */
export const frameHeaderBytes = 9;

/** Kinds of the transport itself. Those from `firstHostKind` up belong to the host, which carries protocols in them. */
export const frameKinds = {
  hello: 1,
  welcome: 2,
  reject: 3,
  ping: 4,
  pong: 5,
  bulkOpen: 6,
  bulkAccept: 7,
  bulkRefuse: 8,
  bulkChunk: 9,
  bulkEnd: 10,
  bulkDone: 11,
  bulkFailed: 12,
} as const;

export const firstHostKind = 16;

export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** What is wrong with a stream of frames. Nothing after it can be believed: drop the connection. */
export interface FrameError {
  readonly type: 'oversized' | 'corrupt' | 'foreign';
  readonly reason: string;
}

/** Payloads up to this size are copied together, so that a turn's small messages are one buffer and not a hundred. */
const copiedPayloadBytes = 8 * 1024;

/**
 * Chunks below this size are joined with neighbours that are no larger, so that each byte is copied a few times at most
 * and a frame that comes byte by byte does not cost an object for each.
 */
const mergedChunkBytes = 4 * 1024;

/** The bytes of the frames, in few parts: small payloads copied together, large ones handed on as they are. */
export function encodeFrames(frames: readonly Frame[]): Uint8Array[] {
  let copied = 0;
  for (const { payload } of frames) {
    copied += frameHeaderBytes + (payload.length <= copiedPayloadBytes ? payload.length : 0);
  }
  const buffer = allocate(copied);
  const parts: Uint8Array[] = [];
  let start = 0;
  let at = 0;
  for (const { kind, payload } of frames) {
    writeU32(buffer, at, payload.length);
    buffer[at + 4] = kind;
    writeU32(buffer, at + 5, crc32c(payload, crc32c(buffer, 0, at, at + 5)));
    at += frameHeaderBytes;
    if (payload.length <= copiedPayloadBytes) {
      buffer.set(payload, at);
      at += payload.length;
    } else {
      parts.push(buffer.subarray(start, at), payload);
      start = at;
    }
  }
  if (start === 0 && at > 0) return [buffer];
  if (at > start) parts.push(buffer.subarray(start, at));
  return parts;
}

export const encodedLength = (frame: Frame): number => frameHeaderBytes + frame.payload.length;

/**
 * Frames out of chunks that were split anywhere. Memory is bounded by the largest frame allowed and one chunk, and is
 * taken by bytes that came, never by a length that was claimed. A payload that lies in one chunk is mostly a view of it.
 */
export class FrameDecoder {
  #limit: number;
  #chunks: Uint8Array[] = [];
  /** Offset in the first chunk. */
  #at = 0;
  #buffered = 0;
  #error: FrameError | undefined;
  #started = false;

  /** `limit`: largest payload, in bytes. */
  constructor(limit: number = maxFrameBytes) {
    this.#limit = limit;
  }

  /** Bytes that came and are not yet part of a frame that was taken. */
  get buffered(): number {
    return this.#buffered;
  }

  /** For when the other side has become known: strangers are allowed small frames only. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#buffered += chunk.length;
    let last = chunk;
    while (last.length < mergedChunkBytes && this.#chunks.length > 1) {
      const before = this.#chunks[this.#chunks.length - 1] as Uint8Array;
      if (before.length > last.length) break;
      this.#chunks.pop();
      last = concatBytes([before, last]);
    }
    this.#chunks.push(last);
  }

  /** The next whole frame; undefined when more bytes are needed; an error again and again once there was one. */
  next(): Frame | FrameError | undefined {
    if (this.#error !== undefined) return this.#error;
    if (this.#buffered === 0) return undefined;
    if (!this.#started) {
      const foreign = foreignProtocol(this.#peek(Math.min(4, this.#buffered)));
      if (foreign !== undefined) return this.#fail('foreign', foreign);
      this.#started = this.#buffered >= 4;
    }
    if (this.#buffered < 4) return undefined;
    const length = this.#announced();
    if (length > this.#limit) {
      return this.#fail('oversized', `a frame of ${length} bytes is announced, ${this.#limit} are allowed`);
    }
    if (this.#buffered < frameHeaderBytes + length) return undefined;
    return this.#takeFrame(length);
  }

  #announced(): number {
    const first = this.#chunks[0] ?? emptyBytes;
    return first.length - this.#at >= 4 ? readU32(first, this.#at) : readU32(this.#peek(4), 0);
  }

  #takeFrame(length: number): Frame | FrameError {
    const size = frameHeaderBytes + length;
    const first = this.#chunks[0] ?? emptyBytes;
    const isWhole = first.length - this.#at >= size;
    // Most frames lie in one chunk, and are read where they are.
    const bytes = isWhole ? first : this.#take(size);
    const start = isWhole ? this.#at : 0;
    if (isWhole) this.#skip(first, size);
    const from = start + frameHeaderBytes;
    if (
      crc32c(bytes, crc32c(bytes, 0, start, start + 5), from, from + length) !== readU32(bytes, start + 5)
    ) {
      return this.#fail('corrupt', `the checksum of a frame of ${length} bytes does not match`);
    }
    this.#started = true;
    return { kind: bytes[start + 4] as number, payload: part(bytes, from, from + length) };
  }

  /** Of the first chunk, which holds them. */
  #skip(first: Uint8Array, count: number): void {
    this.#buffered -= count;
    this.#at += count;
    if (this.#at < first.length) return;
    this.#chunks.shift();
    this.#at = 0;
  }

  #fail(type: FrameError['type'], reason: string): FrameError {
    this.#error = { type, reason };
    this.#chunks = [];
    this.#buffered = 0;
    return this.#error;
  }

  #peek(count: number): Uint8Array {
    const first = this.#chunks[0] ?? emptyBytes;
    if (first.length - this.#at >= count) return first.subarray(this.#at, this.#at + count);
    return this.#gather(count).bytes;
  }

  #take(count: number): Uint8Array {
    if (count === 0) return emptyBytes;
    const first = this.#chunks[0] ?? emptyBytes;
    this.#buffered -= count;
    if (first.length - this.#at > count) {
      const bytes = first.subarray(this.#at, this.#at + count);
      this.#at += count;
      return bytes;
    }
    const { bytes, whole, rest } = this.#gather(count);
    this.#chunks.splice(0, whole);
    this.#at = rest;
    return bytes;
  }

  /** The first `count` bytes; how many chunks they use up, and how far they reach into the one behind. */
  #gather(count: number): { bytes: Uint8Array; whole: number; rest: number } {
    const parts: Uint8Array[] = [];
    let missing = count;
    let whole = 0;
    let rest = this.#at;
    while (missing > 0) {
      const chunk = this.#chunks[whole] as Uint8Array;
      const part = chunk.subarray(rest, rest + missing);
      parts.push(part);
      missing -= part.length;
      rest += part.length;
      if (rest === chunk.length) {
        whole++;
        rest = 0;
      }
    }
    return { bytes: parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts), whole, rest };
  }
}

export interface FrameBoundary {
  readonly kind: number;
  /** Where the frame's header begins. */
  readonly start: number;
  /** One past the payload. */
  readonly end: number;
}

/**
 * Where whole frames lie in `bytes`, which begin with one; for a simulated network that loses or reorders frames. What
 * follows the last boundary is the beginning of a frame still to come. Checksums are not looked at.
 */
export function frameBoundaries(bytes: Uint8Array): FrameBoundary[] {
  const boundaries: FrameBoundary[] = [];
  let start = 0;
  while (bytes.length - start >= frameHeaderBytes) {
    const end = start + frameHeaderBytes + readU32(bytes, start);
    if (end > bytes.length) break;
    boundaries.push({ kind: bytes[start + 4] as number, start, end });
    start = end;
  }
  return boundaries;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** What other programs begin with. Each of these would be a length beyond any limit, so no frame is mistaken for it. */
function foreignProtocol(start: Uint8Array): string | undefined {
  const [first, second] = start;
  if ((first === 0x16 || first === 0x15) && (second === undefined || second === 0x03)) {
    return first === 0x16
      ? 'the other side speaks TLS, and this port does not'
      : 'the other side demands TLS, and we do not speak it';
  }
  if (start.length < 4) return undefined;
  const text = String.fromCharCode(...start);
  return ['GET ', 'HEAD', 'POST', 'PUT ', 'PRI ', 'HTTP', 'OPTI', 'DELE'].includes(text)
    ? 'the other side speaks HTTP; this is the port for peers, not for clients'
    : undefined;
}
