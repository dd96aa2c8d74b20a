import { compareBytes, concatBytes, emptyBytes, equalBytes } from '../core/bytes.ts';
import { decode, Malformed, type Reader } from '../core/codec.ts';
import { crc32c } from '../core/crc32c.ts';
import { PairDigest } from '../core/digest.ts';
import { maxStoreKeyBytes, maxStoreValueBytes } from '../core/limits.ts';
import {
  checksumOf,
  frameHeadBytes,
  frameTailBytes,
  frameTypes,
  maxFramePayloadBytes,
  type Pair,
  preambleBytes,
  readSnapshotHeader,
  type SnapshotHeader,
  snapshotFormatVersion,
  snapshotMagic,
} from './snapshot.ts';

export type SnapshotEvent =
  | { readonly type: 'header'; readonly header: SnapshotHeader }
  | { readonly type: 'pairs'; readonly pairs: readonly Pair[] }
  | { readonly type: 'end'; readonly summary: SnapshotSummary };

/** What a whole and undamaged snapshot holds. */
export interface SnapshotSummary {
  readonly header: SnapshotHeader;
  readonly pairs: number;
  readonly bytes: number;
}

/** Why bytes are not a snapshot. */
export interface SnapshotFault {
  readonly type: 'fault';
  readonly reason: SnapshotFaultReason;
  /** For people; names the frame. */
  readonly detail: string;
}

export type SnapshotFaultReason =
  | 'notASnapshot'
  | 'unknownVersion'
  | 'checksum'
  | 'outOfOrder'
  | 'malformed'
  | 'truncated'
  | 'trailingBytes'
  | 'digest'
  | 'foreign';

export const snapshotFault = (reason: SnapshotFaultReason, detail: string): SnapshotFault => ({
  type: 'fault',
  reason,
  detail,
});

/**
 * Takes the bytes of a snapshot in pieces of any size and checks everything that can be checked: checksums, the order of
 * frames and keys, and at the end count and digest. After a fault it takes nothing more. Pairs are views of the pieces.
 */
export class SnapshotReader {
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #takenBytes = 0;
  #seed: number | undefined;
  #header: SnapshotHeader | undefined;
  #frames = 0;
  #pairs = 0;
  #lastKey: Uint8Array | undefined;
  readonly #digest = new PairDigest();
  #summary: SnapshotSummary | undefined;
  #fault: SnapshotFault | undefined;

  get header(): SnapshotHeader | undefined {
    return this.#header;
  }

  /** Bytes of the whole frames that were taken so far. */
  get bytes(): number {
    return this.#takenBytes;
  }

  /** Forgets the beginning of a frame, to go on behind the `bytes` that were taken. */
  dropPartialFrame(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  push(piece: Uint8Array): readonly SnapshotEvent[] | SnapshotFault {
    if (this.#fault !== undefined) return this.#fault;
    if (piece.length > 0) {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    const events: SnapshotEvent[] = [];
    for (;;) {
      const event = this.#next();
      if (event === undefined) return events;
      if (event.type === 'fault') {
        this.#fault = event;
        return event;
      }
      events.push(event);
    }
  }

  /** To be asked when there are no more bytes. */
  finish(): SnapshotSummary | SnapshotFault {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#summary !== undefined) return this.#summary;
    return snapshotFault('truncated', `ends after ${this.#frames} whole frames`);
  }

  #next(): SnapshotEvent | SnapshotFault | undefined {
    if (this.#summary !== undefined) {
      if (this.#waitingBytes === 0) return undefined;
      return snapshotFault('trailingBytes', `${this.#waitingBytes} bytes or more after the end`);
    }
    if (this.#seed === undefined) {
      const preamble = this.#take(preambleBytes);
      if (preamble === undefined) return undefined;
      const wrong = this.#checkPreamble(preamble);
      if (wrong !== undefined) return wrong;
    }
    const head = this.#peek(frameHeadBytes);
    if (head === undefined) return undefined;
    const length = new DataView(head.buffer, head.byteOffset).getUint32(5);
    if (length > maxFramePayloadBytes)
      return snapshotFault('malformed', `frame ${this.#frames} claims ${length} bytes`);
    const frame = this.#take(frameHeadBytes + length + frameTailBytes);
    return frame === undefined ? undefined : this.#readFrame(frame);
  }

  #checkPreamble(preamble: Uint8Array): SnapshotFault | undefined {
    if (!equalBytes(preamble.subarray(0, snapshotMagic.length), snapshotMagic))
      return snapshotFault('notASnapshot', 'the first bytes are not those of a snapshot');
    const version = new DataView(preamble.buffer, preamble.byteOffset).getUint32(snapshotMagic.length);
    if (version !== snapshotFormatVersion)
      return snapshotFault(
        'unknownVersion',
        `format ${version}; this release reads ${snapshotFormatVersion}`,
      );
    this.#seed = crc32c(preamble);
    return undefined;
  }

  #readFrame(bytes: Uint8Array): SnapshotEvent | SnapshotFault {
    const number = this.#frames;
    const checked = bytes.subarray(0, bytes.length - frameTailBytes);
    if (crc32c(checked, this.#seed) !== checksumOf(bytes))
      return snapshotFault('checksum', `frame ${number} is damaged, or not of this snapshot`);
    const type = bytes[0];
    if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(1) !== number)
      return snapshotFault('outOfOrder', `not frame ${number}, which belongs here`);
    const expectsHeader = number === 0;
    if ((type === frameTypes.header) !== expectsHeader)
      return snapshotFault('outOfOrder', `frame ${number} has type ${type}`);
    const payload = checked.subarray(frameHeadBytes);
    const event =
      type === frameTypes.header
        ? this.#readHeader(payload, checksumOf(bytes))
        : type === frameTypes.pairs
          ? this.#readPairs(payload)
          : type === frameTypes.trailer
            ? this.#readTrailer(payload)
            : snapshotFault('malformed', `frame ${number} has the unknown type ${type}`);
    if (event.type !== 'fault') this.#frames++;
    return event;
  }

  #readHeader(payload: Uint8Array, checksum: number): SnapshotEvent | SnapshotFault {
    const header = decode(payload, readSnapshotHeader);
    if (header instanceof Malformed) return snapshotFault('malformed', `header: ${header.message}`);
    this.#seed = checksum;
    this.#header = header;
    return { type: 'header', header };
  }

  #readPairs(payload: Uint8Array): SnapshotEvent | SnapshotFault {
    const pairs = decode(payload, (reader) => this.#readEachPair(reader));
    if (pairs instanceof Malformed)
      return snapshotFault('malformed', `frame ${this.#frames}: ${pairs.message}`);
    for (const [key, value] of pairs) this.#digest.add(key, value);
    this.#pairs += pairs.length;
    return { type: 'pairs', pairs };
  }

  #readEachPair(reader: Reader): Pair[] {
    const pairs: Pair[] = [];
    while (reader.remaining > 0) {
      const key = reader.bytes();
      const value = reader.bytes();
      if (key.length === 0 || key.length > maxStoreKeyBytes)
        throw new Malformed(`a key of ${key.length} bytes`);
      if (value.length > maxStoreValueBytes) throw new Malformed(`a value of ${value.length} bytes`);
      if (this.#lastKey !== undefined && compareBytes(this.#lastKey, key) >= 0)
        throw new Malformed('keys do not ascend');
      this.#lastKey = key;
      pairs.push([key, value]);
    }
    return pairs;
  }

  #readTrailer(payload: Uint8Array): SnapshotEvent | SnapshotFault {
    const trailer = decode(payload, (reader) => ({ pairs: reader.uint(), digest: reader.raw(8) }));
    if (trailer instanceof Malformed) return snapshotFault('malformed', `trailer: ${trailer.message}`);
    const header = this.#header as SnapshotHeader;
    if (trailer.pairs !== this.#pairs)
      return snapshotFault('digest', `${this.#pairs} pairs, of ${trailer.pairs} that were written`);
    const found = this.#digest.bytes();
    if (!equalBytes(found, trailer.digest) || !equalBytes(found, header.digest))
      return snapshotFault('digest', 'the pairs are not those that were written');
    this.#summary = { header, pairs: this.#pairs, bytes: this.#takenBytes };
    return { type: 'end', summary: this.#summary };
  }

  #peek(length: number): Uint8Array | undefined {
    if (this.#waitingBytes < length) return undefined;
    const first = this.#waiting[0] ?? emptyBytes;
    if (first.length >= length) return first;
    this.#waiting = [concatBytes(this.#waiting)];
    return this.#waiting[0];
  }

  #take(length: number): Uint8Array | undefined {
    const whole = this.#peek(length);
    if (whole === undefined) return undefined;
    this.#waiting[0] = whole.subarray(length);
    if (whole.length === length) this.#waiting.shift();
    this.#waitingBytes -= length;
    this.#takenBytes += length;
    return whole.subarray(0, length);
  }
}
