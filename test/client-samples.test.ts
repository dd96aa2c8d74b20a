import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from './processes/cluster.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'docs', 'samples');
const samples = readdirSync(folder).filter((name) => name.endsWith('.ts'));

/** What each of them says. */
const said: Readonly<Record<string, string>> = {
  'keys.ts': 'on 1n\nundefined\n3\nmoved 1\nconfig/old-mode on\n',
  'watch.ts': [
    'put fruit/apple green undefined',
    'put fruit/apple red green',
    'delete fruit/apple undefined red',
    'revision with 1 events',
    'revision with 1 events',
    'true',
    '',
  ].join('\n'),
  'lock.ts': 'held true\nwritten true\n0\n',
  'elect.ts': 'leader: 10.0.0.1:80, ready\nstill leading: true\n',
  'recipes.ts': [
    'put out the fire',
    'sweep the floor',
    'open',
    'both are home',
    'amy captain',
    'bob cook',
    "[ { address: '10.0.0.1:80', metadata: { zone: 'north' } } ]",
    '1',
    '',
  ].join('\n'),
  'embedded.ts': 'hello from within false\n',
};

describe('the samples of docs/client.md run as they stand, against the built package', () => {
  let cluster: Cluster;
  let directory: string;
  beforeAll(async () => {
    cluster = await Cluster.start({ replicas: 1 });
    directory = mkdtempSync(join(tmpdir(), 'quorate-samples-'));
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(samples)('%s', async (name) => {
    const tsx = join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', tsx, join(folder, name), cluster.endpoints],
      { cwd: directory },
    );
    // Who is told of a change while it happens may see states on the way, or not.
    const settled = stdout.split('\n').filter((line) => !/^leader: (undefined|10\.0\.0\.1:80)$/.test(line));
    if (name === 'elect.ts') settled.sort();
    const expected = said[name]?.split('\n') ?? [];
    if (name === 'elect.ts') expected.sort();
    expect(settled).toEqual(expected);
  });
});

test('the samples are well typed under strict settings, with the declarations of the built package', async () => {
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
  const target = ['--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--types', 'node'];
  const modules = ['--module', 'nodenext', '--moduleDetection', 'force'];
  const files = samples.map((name) => join(folder, name));
  const args = ['tsc', '--ignoreConfig', '--noEmit', ...strict, ...target, ...modules, ...files];
  const { stdout } = await promisify(execFile)('npx', ['--no-install', ...args], { cwd: root }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

test('every TypeScript block of docs/client.md is part of a sample', () => {
  const texts = samples.map((name) => readFileSync(join(folder, name), 'utf8'));
  const page = readFileSync(join(root, 'docs', 'client.md'), 'utf8');
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThanOrEqual(samples.length);
  for (const block of blocks) {
    expect(
      texts.some((text) => text.includes(block)),
      `not in any sample:\n${block}`,
    ).toBe(true);
  }
});
