import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Configuration } from '../config/configuration.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type ServeOptions, serveOptions } from './options.ts';

const options = (flags: Readonly<Record<string, string>>): ServeOptions =>
  serveOptions(
    new Configuration(['serve'], {
      flags: { name: 'n1', 'data-dir': '/nowhere', cluster: 'n1=127.0.0.1:2380', ...flags },
      env: {},
      file: undefined,
    }),
    ['raft'],
  );

test.each([
  ['0', 2 * 1024 ** 3],
  ['1000000', 1_000_000],
  ['-1', undefined],
])('a quota of %s is %s bytes', (text, bytes) => {
  expect(options({ 'quota-backend-bytes': text }).quotaBytes).toBe(bytes);
});

test.each([
  ['periodic', '0', undefined],
  ['revision', '0', undefined],
  ['periodic', '30m', { type: 'periodic', ms: 1_800_000 }],
  ['periodic', '72', { type: 'periodic', ms: 72 * 3_600_000 }],
  ['revision', '1000', { type: 'revision', revisions: 1000n }],
])('automatic compaction by %s with %s', (mode, retention, expected) => {
  const flags = { 'auto-compaction-mode': mode, 'auto-compaction-retention': retention };
  expect(options(flags).retention).toEqual(expected);
});

test.each([
  ['periodic', 'soon'],
  ['revision', '1h'],
])('automatic compaction by %s refuses "%s"', (mode, retention) => {
  const flags = { 'auto-compaction-mode': mode, 'auto-compaction-retention': retention };
  expect(() => options(flags)).toThrow(CommandFailure);
  expect(() => options(flags)).toThrow(/auto-compaction-retention/);
});

test('a directory that has begun needs no --cluster that names this replica', () => {
  const cluster = 'n2=127.0.0.1:22380,n3=127.0.0.1:32380';
  expect(() => options({ cluster })).toThrow(/names n2, n3, but not n1/);
  const directory = mkdtempSync(path.join(tmpdir(), 'quorate-options-'));
  try {
    writeFileSync(path.join(directory, 'manifest.json'), '{}');
    const { cluster: given } = options({ cluster, 'data-dir': directory });
    expect(given.map(({ name }) => name)).toEqual(['n2', 'n3']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
