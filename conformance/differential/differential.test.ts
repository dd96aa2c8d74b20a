import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foreignProgram } from '../../test/support/foreign.ts';
import { Arena } from './arena.ts';
import { compared } from './compare.ts';
import { differencesPage, renderDifferences } from './page.ts';
import type { Program } from './program.ts';
import type { Transcript } from './subject.ts';

const etcd = foreignProgram('etcd');
const programs = 300;

describe.skipIf(etcd === undefined)('random programs', () => {
  let arena: Arena;

  beforeAll(async () => {
    arena = await Arena.open(etcd ?? '');
  });

  afterAll(() => arena?.[Symbol.asyncDispose]());

  test.each([1, 2])(
    'are answered as by etcd, but for the differences that are listed (seed %i)',
    {
      timeout: 600_000,
    },
    async (seed) => {
      const { difference, ...outcome } = await arena.compare(programs / 2, seed);
      expect(difference).toBeUndefined();
      expect(outcome.programs).toBe(programs / 2);
      expect(outcome.steps).toBeGreaterThan(programs);
    },
  );
});

describe('the comparison', () => {
  const program: Program = [{ type: 'leader', name: 'a' }, { type: 'leases' }];
  const transcript = (...answers: readonly string[]): Transcript => ({ answers, streams: [] });

  test('sees an answer that is different, a step that was not answered, and what was said on a stream', () => {
    const theirs = transcript('x', 'y');
    expect(compared(program, theirs, theirs)).toEqual({ unexplained: [], met: [] });
    const [first] = compared(program, theirs, transcript('x', 'z')).unexplained;
    expect(first).toMatchObject({ step: { type: 'leases' }, theirs: 'y', ours: 'z' });
    expect(compared(program, theirs, transcript('x')).unexplained).toHaveLength(1);
    const stream = { watches: ['told'], progress: [], unasked: [], endings: [], failure: null };
    const streams = { ...theirs, streams: [stream] };
    expect(compared(program, streams, streams).unexplained).toEqual([]);
    const silent = { ...theirs, streams: [{ ...stream, watches: [] }] };
    expect(compared(program, streams, silent).unexplained).toMatchObject([{ part: 'watches' }]);
  });

  test('passes over what is listed, and over what comes after it where the stores part', () => {
    const watch = { type: 'watch', stream: 0, key: 'a', end: '', start: -1 } as const;
    const options = { prevKv: false, filters: [], fragment: false, progressNotify: false, watchId: 0 };
    const cancelReason = 'etcdserver: mvcc: required revision has been compacted';
    const theirs = { answers: [{ cancelReason: '' }, 'y'], streams: [] };
    const ours = { answers: [{ cancelReason }, 'z'], streams: [] };
    expect(compared([{ ...watch, ...options }, { type: 'leases' }], theirs, ours)).toEqual({
      unexplained: [],
      met: ['a watch from a negative revision'],
    });
  });
});

test('the page is what the list says', () => {
  expect(readFileSync(differencesPage, 'utf8')).toBe(renderDifferences());
});
