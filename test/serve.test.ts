import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAuthority, makeCertificate, opensslPresent } from './support/certificates.ts';
import { freeClusterPort } from './support/ports.ts';
import { QuorateProcess, quorate, until } from './support/processes.ts';

let directory: string;
let port: number;
const started: QuorateProcess[] = [];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-serve-'));
  port = await freeClusterPort(3);
});

afterEach(async () => {
  for (const each of started.splice(0)) await each.destroy();
  rmSync(directory, { recursive: true });
});

const dataDir = (): string => path.join(directory, 'n1');
const endpoint = (): string => `127.0.0.1:${port}`;
const peer = (): string => `127.0.0.1:${port + 1}`;

/** A cluster of one, unless told otherwise. */
function serve(
  changes: Readonly<Record<string, string>> = {},
  switches: readonly string[] = [],
): QuorateProcess {
  const flags = {
    name: 'n1',
    'data-dir': dataDir(),
    client: endpoint(),
    peer: peer(),
    cluster: `n1=${peer()}`,
    ...changes,
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const replica = new QuorateProcess(['serve', ...args, ...switches]);
  started.push(replica);
  return replica;
}

const put = (key: string, value: string, ...flags: string[]) =>
  quorate(['put', key, value, '--endpoints', endpoint(), '--timeout', '20s', ...flags]);
const get = (key: string, ...flags: string[]) =>
  quorate(['get', key, '--raw', '--endpoints', endpoint(), '--timeout', '20s', ...flags]);

async function stop(replica: QuorateProcess): Promise<number | null> {
  replica.child.kill('SIGTERM');
  return replica.exitCode;
}

/** It ends by itself, says why on stderr, and nothing on stdout. */
async function refusal(replica: QuorateProcess): Promise<{ exitCode: number | null; message: string }> {
  const exitCode = await replica.exitCode;
  expect(replica.stdout).toBe('');
  return { exitCode, message: replica.stderr.split('\n').find((line) => line.startsWith('quorate: ')) ?? '' };
}

describe('a replica in the foreground', () => {
  test('serves, logs JSON on stderr, and ends with 0 on SIGTERM; what was written is there again', async () => {
    const first = serve();
    await first.says('"msg":"serving"');
    expect((await put('a', '1')).exitCode).toBe(0);
    const metrics = await (await fetch(`http://${endpoint()}/metrics`)).text();
    expect(metrics).toMatch(/^quorate_is_leader 1$/m);
    expect(metrics).toMatch(/^quorate_journal_sync_seconds_count [1-9]/m);
    expect(metrics).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(await stop(first)).toBe(0);
    expect(first.stdout).toBe('');
    for (const line of first.stderr.trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ name: 'n1' });

    const second = serve();
    await second.says('"msg":"serving"');
    expect((await get('a')).stdout).toBe('1');
    expect(await stop(second)).toBe(0);
  });

  test('after the first start the directory knows the cluster, and another one is warned about', async () => {
    const first = serve();
    await first.says('"msg":"serving"');
    expect(await stop(first)).toBe(0);
    const other = serve({ cluster: `n1=${peer()},n2=127.0.0.1:${port + 3}` });
    await other.says('--cluster differs from what this data directory began with');
    expect((await put('a', '1')).exitCode).toBe(0);
    expect(await stop(other)).toBe(0);
  });

  test('a second signal ends it at once', async () => {
    const waiting = serve({ cluster: `n1=${peer()},n2=127.0.0.1:${port + 3},n3=127.0.0.1:${port + 5}` });
    await waiting.says('"msg":"serving"');
    waiting.child.kill('SIGTERM');
    waiting.child.kill('SIGINT');
    expect([0, 1]).toContain(await waiting.exitCode);
  });
});

describe('bad days: a clear message, and an end', () => {
  test('the client port is in use', async () => {
    const squatter = createServer().listen(port, '127.0.0.1');
    const { exitCode, message } = await refusal(serve());
    squatter.close();
    expect(exitCode).toBe(1);
    expect(message).toContain(`${endpoint()} is in use: choose another with --client`);
  });

  test('the peer port is in use', async () => {
    const squatter = createServer().listen(port + 1, '127.0.0.1');
    const { exitCode, message } = await refusal(serve());
    squatter.close();
    expect(exitCode).toBe(1);
    expect(message).toContain(peer());
  });

  test('the data directory is in use by another process, which is not disturbed', async () => {
    const first = serve();
    await first.says('"msg":"serving"');
    const second = serve({ client: `127.0.0.1:${port + 2}`, peer: `127.0.0.1:${port + 3}` });
    const { exitCode, message } = await refusal(second);
    expect(exitCode).toBe(1);
    expect(message).toContain(dataDir());
    expect((await put('a', '1')).exitCode).toBe(0);
  });

  test('the data directory is of another replica, or of a cluster with another token', async () => {
    const first = serve();
    await first.says('"msg":"serving"');
    expect(await stop(first)).toBe(0);
    for (const changes of [{ name: 'n2', cluster: `n2=${peer()}` }, { 'cluster-token': 'another' }]) {
      const { exitCode, message } = await refusal(serve(changes));
      expect(exitCode).toBe(1);
      expect(message).toContain('The data directory belongs to');
    }
  });

  test('the data directory is a file', async () => {
    writeFileSync(dataDir(), '');
    const { exitCode, message } = await refusal(serve());
    expect(exitCode).toBe(1);
    expect(message).toContain(dataDir());
  });

  test('a damaged file', async () => {
    const first = serve();
    await first.says('"msg":"serving"');
    expect((await put('a', '1')).exitCode).toBe(0);
    expect(await stop(first)).toBe(0);
    const manifest = path.join(dataDir(), 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').slice(0, -20));
    const { exitCode, message } = await refusal(serve());
    expect(exitCode).toBe(1);
    expect(message).toContain('manifest.json is damaged');
  });
});

describe('backup and restore', () => {
  test('a new cluster with the old keys, a new id and a raised revision', async () => {
    const old = serve();
    await old.says('"msg":"serving"');
    for (const value of ['1', '2', '3']) expect((await put('a', value)).exitCode).toBe(0);
    const file = path.join(directory, 'backup.snap');
    const saved = await quorate(['snapshot', 'save', file, '--endpoints', endpoint(), '--output', 'json']);
    expect(saved.exitCode).toBe(0);
    expect((await put('a', 'after the backup')).exitCode).toBe(0);
    expect(await stop(old)).toBe(0);

    expect((await quorate(['snapshot', 'status', file])).exitCode).toBe(0);
    const restoredDir = path.join(directory, 'restored');
    const target = ['--name', 'n1', '--data-dir', restoredDir, '--cluster', `n1=${peer()}`];
    const restored = await quorate(['snapshot', 'restore', file, ...target, '--output', 'json']);
    expect(restored.stderr).toBe('');
    expect(restored.exitCode).toBe(0);
    expect(JSON.parse(restored.stdout).clusterId).not.toBe(JSON.parse(saved.stdout).clusterId);

    const young = serve({ 'data-dir': restoredDir });
    await young.says('"msg":"serving"');
    const answer = JSON.parse(
      (await quorate(['get', 'a', '--endpoints', endpoint(), '--timeout', '20s', '--output', 'json'])).stdout,
    );
    expect(answer.kvs).toMatchObject([{ value: Buffer.from('3').toString('base64'), version: '3' }]);
    expect(BigInt(answer.header.revision)).toBeGreaterThan(1_000_000n);

    expect(await stop(young)).toBe(0);
    const again = await quorate(['snapshot', 'restore', file, ...target]);
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
  });

  test('a link stays a link; a backup with the padding and checksum that etcdctl keeps is restored', async () => {
    const old = serve();
    await old.says('"msg":"serving"');
    expect((await put('a', '1')).exitCode).toBe(0);
    const [bare, link, sealed] = ['bare', 'link', 'sealed'].map((name) => path.join(directory, name));
    if (bare === undefined || link === undefined || sealed === undefined) throw new Error('three names');
    writeFileSync(bare, 'an older one');
    symlinkSync(bare, link);
    expect((await quorate(['snapshot', 'save', link, '--endpoints', endpoint()])).exitCode).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const content = readFileSync(bare);
    const padded = Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
    writeFileSync(sealed, Buffer.concat([padded, createHash('sha256').update(padded).digest()]));
    const status = await quorate(['snapshot', 'status', sealed, '--output', 'json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ bytes: String(content.length) });
    const target = ['--name', 'n1', '--data-dir', path.join(directory, 'x'), '--cluster', `n1=${peer()}`];
    expect(await quorate(['snapshot', 'restore', sealed, ...target])).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    writeFileSync(sealed, Buffer.concat([padded, createHash('sha256').digest()]));
    expect((await quorate(['snapshot', 'status', sealed])).exitCode).toBe(1);
  });

  test('a damaged backup is refused by status and restore', async () => {
    const old = serve();
    await old.says('"msg":"serving"');
    expect((await put('a', 'x'.repeat(1000))).exitCode).toBe(0);
    const file = path.join(directory, 'backup.snap');
    expect((await quorate(['snapshot', 'save', file, '--endpoints', endpoint()])).exitCode).toBe(0);
    const bytes = readFileSync(file);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const target = ['--name', 'n1', '--data-dir', path.join(directory, 'x'), '--cluster', `n1=${peer()}`];
    for (const args of [
      ['snapshot', 'status', file],
      ['snapshot', 'restore', file, ...target],
    ]) {
      const { exitCode, stderr } = await quorate(args);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('damaged');
    }
  });

  test('nothing is left behind, and an old backup stays, when a save fails', async () => {
    const file = path.join(directory, 'backup.snap');
    writeFileSync(file, 'the old one');
    const { exitCode } = await quorate(['snapshot', 'save', file, '--endpoints', '127.0.0.1:1']);
    expect(exitCode).toBe(4);
    expect(readFileSync(file, 'utf8')).toBe('the old one');
    mkdirSync(path.join(directory, 'empty'));
    const nowhere = await quorate([
      'snapshot',
      'save',
      path.join(directory, 'no', 'x'),
      '--endpoints',
      '127.0.0.1:1',
    ]);
    expect(nowhere.exitCode).toBe(1);
  });
});

describe.skipIf(!opensslPresent())('TLS', () => {
  test('on both ports, with client certificates', async () => {
    const authority = makeAuthority(directory, 'authority');
    const server = makeCertificate(directory, 'server', authority);
    const client = makeCertificate(directory, 'client', authority);
    const ca = authority.certFile;
    const replica = serve(
      {
        'cert-file': server.certFile,
        'key-file': server.keyFile,
        'trusted-ca-file': ca,
        'peer-cert-file': server.certFile,
        'peer-key-file': server.keyFile,
        'peer-trusted-ca-file': ca,
      },
      ['--client-cert-auth', '--peer-client-cert-auth'],
    );
    await replica.says('"msg":"serving"');
    const withCertificate = ['--cacert', ca, '--cert', client.certFile, '--key', client.keyFile];
    expect(replica.stderr).not.toContain('without --peer-');
    expect((await put('a', '1', ...withCertificate)).exitCode).toBe(0);
    expect((await get('a', ...withCertificate)).stdout).toBe('1');
    const plaintext = await put('a', '2');
    expect([plaintext.exitCode, plaintext.stderr]).toEqual([
      4,
      expect.stringContaining('this port speaks TLS). Nothing was sent. Use https:// in --endpoints'),
    ]);
    const anonymous = await put('a', '2', '--cacert', ca, '--timeout', '2s');
    expect(anonymous).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('demands a client certificate'),
    });
    await until(() => replica.stderr.includes('was refused'));
    expect(await stop(replica)).toBe(0);
  });

  test('a peer port that anybody can speak to is warned about', async () => {
    const peerCertificate = makeCertificate(directory, 'peer', makeAuthority(directory, 'authority'));
    const replica = serve({
      'peer-cert-file': peerCertificate.certFile,
      'peer-key-file': peerCertificate.keyFile,
    });
    await replica.says('"msg":"serving"');
    expect(replica.stderr).toContain('without --peer-trusted-ca-file every public authority');
    expect(replica.stderr).toContain('without --peer-client-cert-auth whoever');
    expect(await stop(replica)).toBe(0);
  });

  test('a key that does not belong to the certificate', async () => {
    const authority = makeAuthority(directory, 'authority');
    const [one, two] = [
      makeCertificate(directory, 'one', authority),
      makeCertificate(directory, 'two', authority),
    ];
    for (const port of ['', 'peer-']) {
      const { exitCode, message } = await refusal(
        serve({ [`${port}cert-file`]: one.certFile, [`${port}key-file`]: two.keyFile }),
      );
      expect(exitCode).toBe(2);
      expect(message).toContain(`--${port}cert-file, --${port}key-file`);
      expect(existsSync(dataDir())).toBe(false);
    }
  });
});
