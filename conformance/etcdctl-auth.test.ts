import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../test/support/certificates.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

interface Ended {
  readonly exitCode: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** This etcdctl logs each refusal, also when it knows what to do next. */
const withoutWarnings = (text: string): string => text.replace(/^\{"level":"warn".*\n/gm, '');

/** Never rejects. */
function etcdctl(endpoints: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      program ?? '',
      ['--endpoints', endpoints, '--command-timeout', '20s', ...args],
      { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 30_000 },
      (error, stdout, stderr) =>
        resolve({ exitCode: error?.code ?? 0, stdout, stderr: withoutWarnings(stderr) }),
    );
  });
}

describe.skipIf(program === undefined)('etcdctl with users', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start();
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const run = (...args: string[]): Promise<Ended> => etcdctl(cluster.endpoints, args);

  async function good(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  }

  async function bad(expected: string, ...args: string[]): Promise<void> {
    const { exitCode, stderr } = await run(...args);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(expected);
  }

  test('users, roles and permissions, from the first to the last', async () => {
    expect(await good('user', 'add', 'root:secret')).toBe('User root created\n');
    expect(await good('auth', 'enable')).toBe('Authentication Enabled\n');
    await bad('user name is empty', 'get', 'a');
    await bad('authentication failed, invalid user ID or password', '--user', 'root:wrong', 'get', 'a');

    const root = ['--user', 'root:secret'];
    expect(await good(...root, 'put', 'a', '1')).toBe('OK\n');
    expect(await good(...root, 'get', 'a', '--print-value-only')).toBe('1\n');
    expect(await good(...root, 'user', 'add', 'alice:pw')).toBe('User alice created\n');
    expect(await good(...root, 'role', 'add', 'app')).toBe('Role app created\n');
    await good(...root, 'role', 'grant-permission', 'app', 'readwrite', 'app/', '--prefix=true');
    await good(...root, 'role', 'grant-permission', 'app', 'read', 'a');
    await good(...root, 'user', 'grant-role', 'alice', 'app');
    expect(await good(...root, 'user', 'list')).toBe('alice\nroot\n');
    expect(await good(...root, 'role', 'list')).toBe('app\nroot\n');
    expect(await good(...root, 'user', 'get', 'alice')).toBe('User: alice\nRoles: app\n');
    const role = await good(...root, 'role', 'get', 'app');
    expect(role).toContain('[app/, app0) (prefix app/)');

    const alice = ['--user', 'alice:pw'];
    expect(await good(...alice, 'put', 'app/x', '1')).toBe('OK\n');
    expect(await good(...alice, 'get', 'app/', '--prefix', '--keys-only')).toContain('app/x');
    expect(await good(...alice, 'get', 'a', '--print-value-only')).toBe('1\n');
    await bad('permission denied', ...alice, 'put', 'a', '2');
    await bad('permission denied', ...alice, 'get', 'b');
    await bad('permission denied', ...alice, 'user', 'list');
    await bad('permission denied', ...alice, 'defrag');
    expect(await good(...alice, 'member', 'list')).toContain('started');

    const [one] = cluster.members;
    const stolen = await etcdctl(one?.client ?? '', [
      ...alice,
      'snapshot',
      'save',
      path.join(cluster.directory, 'stolen'),
    ]);
    expect(stolen.stderr).toContain('permission denied');

    await good(...root, 'role', 'revoke-permission', 'app', 'app/', '--prefix=true');
    await bad('permission denied', ...alice, 'get', 'app/x');
    await good(...root, 'user', 'revoke-role', 'alice', 'app');
    await bad('permission denied', ...alice, 'get', 'a');
    await bad('invalid auth management', ...root, 'user', 'delete', 'root');
    await good(...root, 'user', 'delete', 'alice');
    await bad('authentication failed', ...alice, 'get', 'a');
    await good(...root, 'role', 'delete', 'app');
    expect(await good(...root, 'auth', 'disable')).toBe('Authentication Disabled\n');
    expect(await good('get', 'a', '--print-value-only')).toBe('1\n');
  });

  test('watches and leases of users', async () => {
    await good('auth', 'enable');
    const root = ['--user', 'root:secret'];
    await good(...root, 'user', 'add', 'bob:pw');
    await good(...root, 'role', 'add', 'bob');
    await good(...root, 'role', 'grant-permission', 'bob', 'readwrite', 'bob');
    await good(...root, 'user', 'grant-role', 'bob', 'bob');
    const bob = ['--user', 'bob:pw'];
    const granted = /lease (\w+) granted/.exec(await good(...bob, 'lease', 'grant', '300'))?.[1] ?? '';
    await good(...bob, 'put', '--lease', granted, 'bob', '1');
    const { stdout, stderr } = await run(...bob, 'watch', '--rev', '1', 'other');
    expect(stdout + stderr).toContain('permission denied');
    await good(...bob, 'lease', 'keep-alive', '--once', granted);
    await good(...bob, 'lease', 'revoke', granted);
    expect(await good(...bob, 'get', 'bob')).toBe('');
    await good(...root, 'auth', 'disable');
  });
});

describe.skipIf(program === undefined || !opensslPresent())('etcdctl with certificates of users', () => {
  let directory: string;
  let cluster: Cluster;
  let authority: Certificate;
  const certificates = new Map<string, Certificate>();

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-auth-'));
    authority = makeAuthority(directory, 'authority');
    for (const name of ['server', 'root', 'alice', 'stranger'])
      certificates.set(name, makeCertificate(directory, name, authority));
    const server = certificates.get('server');
    cluster = await Cluster.start({
      replicas: 1,
      flags: [
        ...['--cert-file', server?.certFile ?? '', '--key-file', server?.keyFile ?? ''],
        ...['--trusted-ca-file', authority.certFile, '--client-cert-auth'],
      ],
      tls: { ca: authority.cert, cert: server?.cert, key: server?.key },
    });
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const as = (name: string, ...args: string[]): Promise<Ended> => {
    const certificate = certificates.get(name);
    return etcdctl(cluster.endpoints, [
      ...['--cacert', authority.certFile],
      ...['--cert', certificate?.certFile ?? '', '--key', certificate?.keyFile ?? ''],
      ...args,
    ]);
  };

  test('the common name is the user; who has a token is whom it says', async () => {
    for (const command of [
      ['user', 'add', 'root:secret'],
      ['user', 'add', 'alice', '--no-password'],
      ['role', 'add', 'r'],
      ['role', 'grant-permission', 'r', 'readwrite', 'mine'],
      ['user', 'grant-role', 'alice', 'r'],
      ['auth', 'enable'],
    ]) {
      const { exitCode, stderr } = await as('stranger', ...command);
      expect([exitCode, stderr]).toEqual([0, '']);
    }
    expect((await as('alice', 'put', 'mine', '1')).stdout).toBe('OK\n');
    expect((await as('alice', 'put', 'yours', '1')).stderr).toContain('permission denied');
    expect((await as('stranger', 'put', 'mine', '1')).stderr).toContain('permission denied');
    expect((await as('root', 'put', 'yours', '1')).stdout).toBe('OK\n');
    expect((await as('root', 'user', 'list')).stdout).toBe('alice\nroot\n');
    expect((await as('alice', '--user', 'root:secret', 'put', 'yours', '2')).stdout).toBe('OK\n');
    expect((await as('root', '--user', 'alice:x', 'put', 'yours', '3')).stderr).toContain('no password user');
  });
});
