import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { emptyBytes } from '../../core/bytes.ts';
import type { WatchEvent } from '../../replica/watches/watch.ts';
import { watchFragmentBytes } from '../limits.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { Event, Event_EventType, KeyValue } from './gen/mvccpb/kv.ts';

/** Field numbers and types of what a response is put together from, as protobuf writes them. */
const tag = { header: 10, watchId: 16, fragment: 56, event: 90, pair: 18, previous: 26, value: 42 } as const;

/** Below this, copying a value costs less than sending it on its own. */
const largeValueBytes = 32 * 1024;

/** Events as they are sent; the parts may be shared with other messages, and with the store. */
export interface WatchPiece {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/**
 * Encodes responses with events. The events of a list are encoded once, however many watchers are told of them: a
 * response is a head of its own and a body that it shares with others.
 */
export class WatchEncoder {
  readonly #plain = new WeakMap<readonly WatchEvent[], readonly WatchPiece[]>();
  readonly #withPrevious = new WeakMap<readonly WatchEvent[], readonly WatchPiece[]>();
  #header: { readonly message: pb.ResponseHeader; readonly bytes: Uint8Array } | undefined;

  /** All that comes before the events. */
  head(header: pb.ResponseHeader, watchId: bigint, fragment: boolean): Uint8Array {
    const writer = new BinaryWriter().raw(this.#headerBytes(header));
    if (watchId !== 0n) writer.uint32(tag.watchId).int64(watchId);
    if (fragment) writer.uint32(tag.fragment).bool(true);
    return writer.finish();
  }

  /** The events in pieces of at most `watchFragmentBytes`, unless one event alone is larger. */
  bodies(events: readonly WatchEvent[], previous: boolean): readonly WatchPiece[] {
    const known = previous ? this.#withPrevious : this.#plain;
    let encoded = known.get(events);
    if (encoded === undefined) {
      encoded = encodeEvents(events, previous);
      known.set(events, encoded);
    }
    return encoded;
  }

  #headerBytes(message: pb.ResponseHeader): Uint8Array {
    if (this.#header?.message !== message) {
      const writer = new BinaryWriter().uint32(tag.header).fork();
      this.#header = { message, bytes: pb.ResponseHeader.encode(message, writer).join().finish() };
    }
    return this.#header.bytes;
  }
}

function encodeEvents(events: readonly WatchEvent[], previous: boolean): WatchPiece[] {
  const pieces: WatchPiece[] = [];
  let chunks: Uint8Array[] = [];
  let length = 0;
  const cut = (): void => {
    pieces.push({ parts: joined(chunks), length });
    chunks = [];
    length = 0;
  };
  for (const event of events) {
    const encoded = encodeEvent(eventMessage(event, previous));
    const bytes = lengthOf(encoded);
    if (length > 0 && length + bytes > watchFragmentBytes) cut();
    chunks.push(...encoded);
    length += bytes;
  }
  cut();
  return pieces;
}

/** A large value is a chunk of its own, and not copied. */
function encodeEvent(event: Event): Uint8Array[] {
  if (!isLarge(event.kv) && !isLarge(event.prevKv)) {
    const writer = new BinaryWriter().uint32(tag.event).fork();
    return [Event.encode(event, writer).join().finish()];
  }
  const rest = Event.encode({ ...event, kv: undefined, prevKv: undefined }).finish();
  const chunks = [rest, ...encodePair(tag.pair, event.kv), ...encodePair(tag.previous, event.prevKv)];
  return [new BinaryWriter().uint32(tag.event).uint32(lengthOf(chunks)).finish(), ...chunks];
}

/** The value comes last, which is as good as any other order of the fields. */
function encodePair(field: number, pair: KeyValue | undefined): Uint8Array[] {
  if (pair === undefined) return [];
  const { value } = pair;
  const rest = KeyValue.encode({ ...pair, value: emptyBytes });
  const head = (value.length === 0 ? rest : rest.uint32(tag.value).uint32(value.length)).finish();
  const length = head.length + value.length;
  return [new BinaryWriter().uint32(field).uint32(length).raw(head).finish(), value];
}

const isLarge = (pair: KeyValue | undefined): boolean =>
  pair !== undefined && pair.value.length >= largeValueBytes;

const lengthOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((sum, { length }) => sum + length, 0);

/** The same bytes with small neighbours in one. */
function joined(chunks: readonly Uint8Array[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const join = (): void => {
    const [only] = small;
    if (only !== undefined) parts.push(small.length === 1 ? only : Buffer.concat(small));
    small = [];
  };
  for (const chunk of chunks) {
    if (chunk.length < largeValueBytes) {
      small.push(chunk);
      continue;
    }
    join();
    parts.push(chunk);
  }
  join();
  return parts;
}

const eventMessage = ({ type, pair, previous }: WatchEvent, wanted: boolean): Event => ({
  type: type === 'put' ? Event_EventType.PUT : Event_EventType.DELETE,
  kv: pair,
  prevKv: wanted ? previous : undefined,
});
