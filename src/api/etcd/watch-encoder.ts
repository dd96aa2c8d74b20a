import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { WatchEvent } from '../../replica/watches/watch.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { Event, Event_EventType } from './gen/mvccpb/kv.ts';

/** Field numbers and types of what a response is put together from, as protobuf writes them. */
const tag = { header: 10, watchId: 16, fragment: 56, event: 90 } as const;

/** Events as a part of a response, and the bytes at which each of them begins. */
interface EncodedEvents {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
}

/**
 * Encodes responses with events. The events of a list are encoded once, however many watchers are told of them: a
 * response is a head of its own and a body that it shares with others.
 */
export class WatchEncoder {
  readonly #plain = new WeakMap<readonly WatchEvent[], EncodedEvents>();
  readonly #withPrevious = new WeakMap<readonly WatchEvent[], EncodedEvents>();
  #header: { readonly message: pb.ResponseHeader; readonly bytes: Uint8Array } | undefined;

  /** All that comes before the events. */
  head(header: pb.ResponseHeader, watchId: bigint, fragment: boolean): Uint8Array {
    const writer = new BinaryWriter().raw(this.#headerBytes(header));
    if (watchId !== 0n) writer.uint32(tag.watchId).int64(watchId);
    if (fragment) writer.uint32(tag.fragment).bool(true);
    return writer.finish();
  }

  /** The events in one piece, or in several of at most `maxBytes` unless one event alone is larger. */
  bodies(
    events: readonly WatchEvent[],
    previous: boolean,
    maxBytes = Number.POSITIVE_INFINITY,
  ): Uint8Array[] {
    const { bytes, starts } = this.#encoded(events, previous);
    if (bytes.length <= maxBytes) return [bytes];
    const bodies: Uint8Array[] = [];
    let from = 0;
    for (const [at, start] of starts.entries()) {
      const end = starts[at + 1] ?? bytes.length;
      if (end - from <= maxBytes || start === from) continue;
      bodies.push(bytes.subarray(from, start));
      from = start;
    }
    return [...bodies, bytes.subarray(from)];
  }

  #headerBytes(message: pb.ResponseHeader): Uint8Array {
    if (this.#header?.message !== message) {
      const writer = new BinaryWriter().uint32(tag.header).fork();
      this.#header = { message, bytes: pb.ResponseHeader.encode(message, writer).join().finish() };
    }
    return this.#header.bytes;
  }

  #encoded(events: readonly WatchEvent[], previous: boolean): EncodedEvents {
    const known = previous ? this.#withPrevious : this.#plain;
    let encoded = known.get(events);
    if (encoded === undefined) {
      encoded = encodeEvents(events, previous);
      known.set(events, encoded);
    }
    return encoded;
  }
}

function encodeEvents(events: readonly WatchEvent[], previous: boolean): EncodedEvents {
  const parts: Uint8Array[] = [];
  const starts: number[] = [];
  let length = 0;
  for (const event of events) {
    const writer = new BinaryWriter().uint32(tag.event).fork();
    const bytes = Event.encode(eventMessage(event, previous), writer).join().finish();
    starts.push(length);
    parts.push(bytes);
    length += bytes.length;
  }
  const [only] = parts;
  return { bytes: parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length), starts };
}

const eventMessage = ({ type, pair, previous }: WatchEvent, wanted: boolean): Event => ({
  type: type === 'put' ? Event_EventType.PUT : Event_EventType.DELETE,
  kv: pair,
  prevKv: wanted ? previous : undefined,
});
