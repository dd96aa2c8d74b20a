import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeClusterPort } from './support/ports.ts';
import { QuorateProcess, quorate, until } from './support/processes.ts';

let directory: string;
const started: QuorateProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-record-'));
});

afterEach(async () => {
  for (const each of started.splice(0)) await each.destroy();
  rmSync(directory, { recursive: true });
});

test('what real replicas recorded is what their protocol does again', async () => {
  const port = await freeClusterPort(6);
  const peers = [1, 2, 3].map((n) => `127.0.0.1:${port + 2 * n - 1}`);
  const cluster = peers.map((peer, at) => `n${at + 1}=${peer}`).join(',');
  const recordings = [1, 2, 3].map((n) => path.join(directory, `n${n}.recording`));
  for (const [at, recording] of recordings.entries()) {
    const name = `n${at + 1}`;
    const where = ['--client', `127.0.0.1:${port + 2 * at}`, '--peer', peers[at] ?? ''];
    const flags = ['--name', name, '--data-dir', path.join(directory, name), '--cluster', cluster];
    started.push(new QuorateProcess(['serve', ...flags, ...where, '--record', recording]));
  }
  for (const replica of started) await until(() => replica.stderr.includes('"serving"'));
  const endpoints = ['--endpoints', [0, 1, 2].map((at) => `127.0.0.1:${port + 2 * at}`).join(',')];
  for (let n = 0; n < 20; n++) {
    expect((await quorate(['put', `key-${n}`, 'value', ...endpoints, '--timeout', '30s'])).exitCode).toBe(0);
  }
  // One is killed, the others are told to stop: a recording is whole either way.
  for (const [at, replica] of started.entries()) replica.child.kill(at === 0 ? 'SIGKILL' : 'SIGTERM');
  for (const replica of started) await replica.exitCode;
  for (const recording of recordings) {
    const { exitCode, stdout, stderr } = await quorate(['replay', recording]);
    expect([exitCode, stderr]).toEqual([0, '']);
    const steps = Number(/^(\d+) steps/.exec(stdout)?.[1]);
    expect(steps).toBeGreaterThan(20);
    expect(readFileSync(recording, 'utf8')).toContain('"type":"persist"');
  }
});

test('a file that is there is not written over', async () => {
  const port = await freeClusterPort(2);
  const recording = path.join(directory, 'recording');
  const peer = `127.0.0.1:${port + 1}`;
  const flags = ['--name', 'n1', '--client', `127.0.0.1:${port}`, '--peer', peer, '--cluster', `n1=${peer}`];
  const args = ['serve', ...flags, '--data-dir', path.join(directory, 'n1'), '--record', directory];
  const replica = new QuorateProcess(args);
  started.push(replica);
  expect(await replica.exitCode).toBe(1);
  expect(replica.stderr).toContain('--record');
  expect(existsSync(recording)).toBe(false);
});
