import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import { machineView } from '../../src/machine/index.ts';
import {
  alarms,
  compactedRevision,
  currentRevision,
  leaseKeys,
  leases,
  newSlice,
  range,
  rangeOf,
  readEvents,
} from '../../src/machine/key-space/index.ts';
import type { ReadOutcome } from '../../src/replica/types.ts';
import { execute, goldenCommands, openGolden, stop } from './data-directory.ts';

const here = new URL('data/', import.meta.url).pathname;
const releases = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

describe('a data directory of every release', () => {
  it.each(releases)('%s is opened, read, and written to', async (release) => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-golden-'));
    try {
      cpSync(join(here, release), directory, { recursive: true });
      const core = await openGolden(directory);
      const read = await new Promise<ReadOutcome>((resolve) => core.read('linearizable', 30_000, resolve));
      if (read.type !== 'readable') throw new Error(read.reason);
      const store = machineView(read.store);
      expect(currentRevision(store)).toBe(13n);
      const answer = range(store, rangeOf({ from: utf8('a'), to: undefined }));
      const pairs = answer.result.type === 'range' ? answer.result.pairs : [];
      expect(pairs.map(({ key, value, version }) => [utf8Text(key), utf8Text(value), version])).toEqual([
        ['a', '1', 2n],
        ['b', '2', 2n],
        ['greeting', 'hello again', 4n],
        ['leased', '3', 2n],
      ]);
      expect(leases(store)).toEqual([7n]);
      expect(leaseKeys(store, 7n)).toEqual([utf8('leased')]);
      expect(compactedRevision(store)).toBe(4n);
      expect(alarms(store)).toEqual([{ member: 1n, alarm: 'noSpace' }]);
      const revisions: number[] = [];
      const events = readEvents(store, { revision: 4, order: 0 }, 13, newSlice(), ({ revision }) => {
        revisions.push(revision);
        return true;
      });
      expect(events).toEqual({ type: 'done' });
      expect(revisions).toEqual([4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12, 13]);
      for (const command of goldenCommands) await execute(core, command);
      await stop(core);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
