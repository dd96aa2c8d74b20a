import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hex } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { clusterTime, epoch, index } from '../core/ids.ts';
import type { Base } from '../protocol/index.ts';
import { LmdbBackend } from './lmdb-backend.ts';
import { lmdbPageSize } from './lmdb-environment.ts';
import { NodeDisk } from './node-disk.ts';

const configuration = { voters: [], outgoing: [], learners: [], promoting: [], members: [], removed: [] };
const baseAt = (at: number): Base => ({
  position: { index: index(at), epoch: epoch(1), time: clusterTime(at) },
  configuration,
});

const open = (root: string): Promise<LmdbBackend> =>
  new Promise((resolve, reject) => {
    const options = { disk: new NodeDisk(root), root, directory: 'state', initial: baseAt(0) };
    LmdbBackend.open(options, (error, backend) => (error === undefined ? resolve(backend) : reject(error)));
  });

const close = (backend: LmdbBackend): Promise<void> =>
  new Promise((resolve, reject) =>
    backend.close((error) => (error === undefined ? resolve() : reject(error))),
  );

/**
 * Each entry writes its own index under three scattered keys and under one that all share, so that a state of part of a
 * transaction, or of one position with the record of another, shows.
 */
const writer = `
  import { LmdbBackend } from ${JSON.stringify(fileURLToPath(new URL('./lmdb-backend.ts', import.meta.url)))};
  import { NodeDisk } from ${JSON.stringify(fileURLToPath(new URL('./node-disk.ts', import.meta.url)))};
  const root = process.argv[2];
  const configuration = { voters: [], outgoing: [], learners: [], promoting: [], members: [], removed: [] };
  const initial = { position: { index: 0, epoch: 0, time: 0 }, configuration };
  LmdbBackend.open({ disk: new NodeDisk(root), root, directory: 'state', initial }, (error, backend) => {
    if (error) throw error;
    const found = backend.base().position.index;
    let at = found;
    const turn = () => {
      for (let n = 0; n < 200; n++) {
        at++;
        const value = new Uint8Array(8);
        new DataView(value.buffer).setBigUint64(0, BigInt(at));
        for (let copy = 0; copy < 3; copy++) {
          const key = new Uint8Array(9);
          key[0] = 1 + copy;
          new DataView(key.buffer).setUint32(1, Math.imul(at, 2654435761) >>> 0);
          new DataView(key.buffer).setUint32(5, at);
          backend.store.put(key, value);
        }
        backend.store.put(Uint8Array.of(9), value);
        backend.applied({ position: { index: at, epoch: 1, time: at }, configuration });
      }
      if (backend.flushed().position.index > found) process.stdout.write(backend.flushed().position.index + '\\n');
      setImmediate(turn);
    };
    turn();
  });
`;

/** Resolves with the last position that the writer had said was flushed when it was killed. */
function killAfter(child: ChildProcess, lines: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      seen += chunk.toString().split('\n').length - 1;
      if (seen >= lines) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code !== null) reject(new Error(`the writer ended by itself with ${code}`));
      resolve(Number(text.split('\n').at(-2)));
    });
  });
}

test('a kill at any moment leaves the state of one position, no older than what was flushed', async () => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-lmdb-'));
  const script = join(root, 'writer.mts');
  writeFileSync(script, writer);
  let before = 0;
  for (const lines of [1, 7, 30]) {
    const child = spawn(process.execPath, ['--import', 'tsx', script, root], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const flushed = await killAfter(child, lines);
    const backend = await open(root);
    const at: number = backend.base().position.index;
    expect(at).toBeGreaterThanOrEqual(flushed);
    expect(at).toBeGreaterThan(before);
    const digest = new PairDigest();
    let pairs = 0;
    for (const [key, value] of backend.store.scan({ from: new Uint8Array(0), to: undefined })) {
      digest.add(key, value);
      pairs++;
    }
    expect(pairs).toBe(3 * at + 1);
    expect(hex(digest.bytes())).toBe(hex(backend.digest()));
    const last = backend.store.get(Uint8Array.of(9)) ?? new Uint8Array(8);
    expect(new DataView(last.buffer, last.byteOffset).getBigUint64(0)).toBe(BigInt(at));
    await close(backend);
    before = at;
  }
  rmSync(root, { recursive: true });
});

test('a file that is damaged is refused with a message', async () => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-lmdb-'));
  const backend = await open(root);
  for (let i = 0; i < 3000; i++)
    backend.store.put(Uint8Array.of(1, i >> 8, i & 255), new Uint8Array(300).fill(i));
  backend.applied(baseAt(1));
  await new Promise<void>((resolve) => backend.flush(() => resolve()));
  await close(backend);
  const path = join(root, 'state/00000001.mdb');
  const whole = readFileSync(path);
  const damages: ((bytes: Buffer) => Buffer)[] = [
    () => Buffer.alloc(65_536, 7),
    () => Buffer.alloc(0),
    () => Buffer.alloc(100),
    (bytes) => bytes.fill(0, lmdbPageSize, 2 * lmdbPageSize),
    (bytes) => {
      const at = bytes.indexOf(new Uint8Array(300).fill(77));
      bytes[at] = 78;
      return bytes;
    },
  ];
  for (const damage of damages) {
    writeFileSync(path, damage(Buffer.from(whole)));
    await expect(open(root)).rejects.toMatchObject({ kind: 'damaged', path: 'state/00000001.mdb' });
  }
  writeFileSync(path, whole);
  const again = await open(root);
  expect(again.base()).toEqual(baseAt(1));
  await close(again);
  rmSync(root, { recursive: true });
});
