import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { utf8, utf8Text } from '../core/bytes.ts';
import { index, token } from '../core/ids.ts';
import { nodeClock } from '../replica/node-clock.ts';
import { Journal, type OpenedJournal } from './journal.ts';
import { NodeDisk } from './node-disk.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quorate-journal-'));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Durable {
  upTo: number;
  reached: () => void;
}

function open(durable: Durable): Promise<OpenedJournal> {
  return new Promise((resolve, reject) => {
    Journal.open(
      {
        disk: new NodeDisk(root),
        clock: nodeClock,
        directory: 'journal',
        storageId: new Uint8Array(16).fill(1),
        segmentBytes: 128 * 1024,
        onDurable: (upTo) => {
          durable.upTo = upTo;
          durable.reached();
        },
        onRoom: () => reject(new Error('the disk is full')),
        onFailure: reject,
      },
      (error, opened) => (error === undefined ? resolve(opened) : reject(error)),
    );
  });
}

const close = (journal: Journal): Promise<void> =>
  new Promise((resolve, reject) =>
    journal.close((error) => (error === undefined ? resolve() : reject(error))),
  );

test('on real files: many segments, compaction, and the same records after each start', async () => {
  const kept: string[] = [];
  let number = 0;
  for (let start = 0; start < 3; start++) {
    const durable: Durable = { upTo: 0, reached: () => undefined };
    const { journal, records, cut } = await open(durable);
    expect(cut).toBeUndefined();
    expect(records.map(utf8Text)).toEqual(kept);
    const first = number + 1;
    for (let count = 0; count < 1_500; count++) {
      const text = `${++number}:${'z'.repeat(number % 500)}`;
      kept.push(text);
      journal.append(token(number - first + 1), [{ index: index(number), bytes: utf8(text) }]);
    }
    await new Promise<void>((resolve) => {
      durable.reached = () => {
        if (durable.upTo === number - first + 1) resolve();
      };
    });
    await close(journal);
  }
  const durable: Durable = { upTo: 0, reached: () => undefined };
  const { journal } = await open(durable);
  const before = readdirSync(join(root, 'journal')).length;
  journal.compact(index(number), [{ index: undefined, bytes: utf8('head') }]);
  await close(journal);
  expect(readdirSync(join(root, 'journal')).length).toBeLessThan(before);
  const reopened = await open(durable);
  const texts = reopened.records.map(utf8Text);
  expect(texts.at(-1)).toBe('head');
  expect(kept.slice(kept.length - texts.length + 1)).toEqual(texts.slice(0, -1));
  await close(reopened.journal);
});
