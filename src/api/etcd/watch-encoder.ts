import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { WatchEvent } from '../../replica/watches/watch.ts';
import { watchFragmentBytes } from '../limits.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { Event, Event_EventType } from './gen/mvccpb/kv.ts';

/** Field numbers and types of what a response is put together from, as protobuf writes them. */
const tag = { header: 10, watchId: 16, fragment: 56, event: 90 } as const;

/**
 * Encodes responses with events. The events of a list are encoded once, however many watchers are told of them: a
 * response is a head of its own and a body that it shares with others.
 */
export class WatchEncoder {
  readonly #plain = new WeakMap<readonly WatchEvent[], readonly Uint8Array[]>();
  readonly #withPrevious = new WeakMap<readonly WatchEvent[], readonly Uint8Array[]>();
  #header: { readonly message: pb.ResponseHeader; readonly bytes: Uint8Array } | undefined;

  /** All that comes before the events. */
  head(header: pb.ResponseHeader, watchId: bigint, fragment: boolean): Uint8Array {
    const writer = new BinaryWriter().raw(this.#headerBytes(header));
    if (watchId !== 0n) writer.uint32(tag.watchId).int64(watchId);
    if (fragment) writer.uint32(tag.fragment).bool(true);
    return writer.finish();
  }

  /** The events in pieces of at most `watchFragmentBytes`, unless one event alone is larger. */
  bodies(events: readonly WatchEvent[], previous: boolean): readonly Uint8Array[] {
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

function encodeEvents(events: readonly WatchEvent[], previous: boolean): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let length = 0;
  const cut = (): void => {
    const [only] = parts;
    pieces.push(parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length));
    parts = [];
    length = 0;
  };
  for (const event of events) {
    const writer = new BinaryWriter().uint32(tag.event).fork();
    const bytes = Event.encode(eventMessage(event, previous), writer).join().finish();
    if (length > 0 && length + bytes.length > watchFragmentBytes) cut();
    parts.push(bytes);
    length += bytes.length;
  }
  cut();
  return pieces;
}

const eventMessage = ({ type, pair, previous }: WatchEvent, wanted: boolean): Event => ({
  type: type === 'put' ? Event_EventType.PUT : Event_EventType.DELETE,
  kv: pair,
  prevKv: wanted ? previous : undefined,
});
