import { expect, test } from 'vitest';
import type { Change } from './coordination.ts';
import { WatchEvent, WatchFeed } from './watch-feed.ts';

const change = (revision: bigint): Change => ({
  revision,
  events: [
    new WatchEvent({
      type: 'delete',
      key: Uint8Array.of(1),
      revision,
      entry: undefined,
      previous: undefined,
    }),
  ],
});

test('progress comes in its place between changes, and is not heaped up', async () => {
  const feed = new WatchFeed({ resume: () => undefined, close: () => undefined }, undefined);
  feed.push(change(5n));
  for (const revision of [6n, 7n, 8n]) feed.progress(revision);
  feed.push(change(9n));
  feed.progress(12n);
  const seen: string[] = [];
  for await (const { revision, events } of feed.changes()) {
    seen.push(`${revision}: ${events.length}`);
    if (revision === 12n) break;
  }
  expect(seen).toEqual(['5: 1', '8: 0', '9: 1', '12: 0']);
});
