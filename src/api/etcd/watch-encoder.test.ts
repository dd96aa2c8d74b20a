import { expect, test } from 'vitest';
import { concatBytes, emptyBytes, utf8 } from '../../core/bytes.ts';
import type { KeyValue } from '../../machine/index.ts';
import type { WatchEvent } from '../../replica/watches/watch.ts';
import { watchFragmentBytes } from '../limits.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { Event_EventType } from './gen/mvccpb/kv.ts';
import { WatchEncoder } from './watch-encoder.ts';

const header: pb.ResponseHeader = { clusterId: 1n, memberId: 2n, revision: 3n, raftTerm: 4n };

const pairOf = (bytes: number, lease = 0n): KeyValue => ({
  key: utf8('key'),
  value: new Uint8Array(bytes).fill(bytes % 251),
  createRevision: 2n,
  modRevision: 7n,
  version: 5n,
  lease,
});
const put = (bytes: number, previous?: KeyValue): WatchEvent => ({
  type: 'put',
  revision: 7,
  pair: pairOf(bytes, 9n),
  previous,
});
const removal = (previous: KeyValue): WatchEvent => ({
  type: 'delete',
  revision: 7,
  pair: { ...pairOf(0), createRevision: 0n, version: 0n, value: emptyBytes },
  previous,
});

const large = 1024 * 1024;
const events = [
  put(10),
  put(large, pairOf(10)),
  put(10, pairOf(large)),
  put(0, pairOf(0)),
  put(large, pairOf(large)),
  removal(pairOf(large)),
  removal(pairOf(3)),
];

test.each([false, true])(
  'large values are the same messages to whoever reads them; previous: %s',
  (previous) => {
    const encoder = new WatchEncoder();
    const pieces = encoder.bodies(events, previous);
    const read = pieces.flatMap(({ parts, length }) => {
      const bytes = concatBytes([encoder.head(header, 5n, true), ...parts]);
      expect(concatBytes(parts).length).toBe(length);
      const response = pb.WatchResponse.decode(bytes);
      expect(response).toMatchObject({ header, watchId: 5n, fragment: true });
      expect(length <= watchFragmentBytes || response.events.length === 1).toBe(true);
      return response.events;
    });
    const told = events.map(({ type, pair, previous: before }) => ({
      type: type === 'put' ? Event_EventType.PUT : Event_EventType.DELETE,
      kv: pair,
      prevKv: previous ? before : undefined,
    }));
    expect(pb.WatchResponse.encode(responseWith(read)).finish()).toEqual(
      pb.WatchResponse.encode(responseWith(told)).finish(),
    );
  },
);

test('large values are not copied', () => {
  const event = put(large, pairOf(large));
  const [piece] = new WatchEncoder().bodies([event], true);
  expect(piece?.parts).toContain(event.pair.value);
  expect(piece?.parts).toContain(event.previous?.value);
});

function responseWith(told: pb.WatchResponse['events']): pb.WatchResponse {
  return { ...pb.WatchResponse.fromJSON({}), header, watchId: 5n, fragment: true, events: told };
}
