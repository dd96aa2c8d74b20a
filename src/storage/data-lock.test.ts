import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireDataLock, DataDirectoryLocked } from './data-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const program = `
  const { acquireDataLock } = await import(process.argv[1]);
  try {
    await acquireDataLock(process.argv[2]);
    console.log('held');
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log(error.code);
  }
`;

/** A process of its own that takes the lock and keeps it; with what it printed. */
async function contender(): Promise<{ process: ChildProcess; said: string }> {
  const module = new URL('./data-lock.ts', import.meta.url).href;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program, module, directory];
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(process_.stdout, 'data')) as [Buffer];
  return { process: process_, said: chunk.toString().trim() };
}

async function killed(process_: ChildProcess): Promise<void> {
  if (process_.exitCode !== null || process_.signalCode !== null) return;
  const gone = once(process_, 'exit');
  process_.kill('SIGKILL');
  await gone;
}

test('one holder at a time, also within one process; free again after release', async () => {
  const lock = await acquireDataLock(directory);
  const refused = await acquireDataLock(directory).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(DataDirectoryLocked);
  expect((refused as DataDirectoryLocked).pid).toBe(process.pid);
  expect((refused as Error).message).toContain(directory);
  expect(readdirSync(directory)).toEqual(['lock']);
  await lock.release();
  await lock.release();
  expect(readdirSync(directory)).toEqual([]);
  const next = await acquireDataLock(directory);
  await lock.release();
  expect(readdirSync(directory)).toEqual(['lock']);
  await next.release();
});

test('another process is named while it lives, and replaced when it was killed', async () => {
  const first = await contender();
  try {
    expect(first.said).toBe('held');
    const refused = await acquireDataLock(directory).catch((error: unknown) => error);
    expect((refused as DataDirectoryLocked).pid).toBe(first.process.pid);
  } finally {
    await killed(first.process);
  }
  const lock = await acquireDataLock(directory);
  expect(JSON.parse(readFileSync(lock.path, 'utf8'))).toMatchObject({ pid: process.pid });
  expect(readdirSync(directory)).toEqual(['lock']);
  await lock.release();
});

test.runIf(process.platform === 'linux')(
  'a pid that was given to another process holds nothing',
  async () => {
    const lock = await acquireDataLock(directory);
    const holder = JSON.parse(readFileSync(lock.path, 'utf8')) as Record<string, unknown>;
    writeFileSync(lock.path, JSON.stringify({ ...holder, started: '1', nonce: 'before' }));
    const next = await acquireDataLock(directory);
    writeFileSync(lock.path, JSON.stringify({ ...holder, boot: 'another', nonce: 'before' }));
    await (await acquireDataLock(directory)).release();
    await next.release();
  },
);

test('a damaged lock file keeps nobody out', async () => {
  for (const text of ['', 'nonsense', '{"pid":"x"}', `{"pid":${process.pid},"nonce":"../x"}`]) {
    writeFileSync(join(directory, 'lock'), text);
    const lock = await acquireDataLock(directory);
    expect(readdirSync(directory)).toEqual(['lock']);
    await lock.release();
  }
});

test('a directory that is not there is an error of the disk', async () => {
  await expect(acquireDataLock(join(directory, 'none'))).rejects.toMatchObject({
    code: 'DISK_ERROR',
    kind: 'missing',
  });
});

test('of many who find a stale lock, one gets it', async () => {
  for (let round = 0; round < 20; round++) {
    writeFileSync(join(directory, 'lock'), JSON.stringify({ pid: 2 ** 30, nonce: `stale-${round}` }));
    const attempts = await Promise.allSettled(Array.from({ length: 12 }, () => acquireDataLock(directory)));
    const held = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    const reasons = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []));
    expect(held.length).toBe(1);
    for (const reason of reasons) expect(reason).toBeInstanceOf(DataDirectoryLocked);
    expect(readdirSync(directory)).toEqual(['lock']);
    await held[0]?.release();
  }
});
