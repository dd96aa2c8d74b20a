import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CliInputs, runCli, startCli } from '../../test/support/cli.ts';
import { serveClients, type TestServer } from '../../test/support/client-server.ts';
import { until } from '../../test/support/processes.ts';

let cluster: TestServer;
let directory: string;
beforeEach(async () => {
  cluster = await serveClients();
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-cli-'));
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  expect(cluster.faults).toEqual([]);
  await cluster[Symbol.asyncDispose]();
});

const at = (args: readonly string[]): string[] => {
  const end = args.indexOf('--');
  const flags = ['--endpoints', cluster.server.address];
  return end < 0 ? [...args, ...flags] : [...args.slice(0, end), ...flags, ...args.slice(end)];
};
const cli = (args: readonly string[], inputs?: CliInputs) => runCli(at(args), inputs);
const start = (args: readonly string[]) => startCli(at(args));

describe('watch', () => {
  test('shows what was, and what comes, until it is stopped', async () => {
    await cli(['put', 'a/1', 'one']);
    const watch = start(['watch', 'a/', '--prefix', '--from', '2', '--previous']);
    await until(() => watch.stdout().includes('one'));
    expect(watch.stderr()).toContain('watching from revision 2 on');
    await cli(['put', 'a/1', 'two']);
    await cli(['put', 'b', 'elsewhere']);
    await cli(['del', 'a/1']);
    await until(() => watch.stdout().includes('delete'));
    watch.stop();
    const { exitCode, stdout } = await watch.outcome;
    expect([exitCode, stdout]).toEqual([
      0,
      '2  put     a/1  one\n3  put     a/1  two  (before: one)\n5  delete  a/1  (before: two)\n',
    ]);
  });

  test('for programs: one line for each revision', async () => {
    const transaction = 'then\nput a 1\nput b 2\n';
    await cli(['txn'], { stdin: transaction });
    const watch = start(['watch', '', '--prefix', '--from', '1', '--output', 'json']);
    await until(() => watch.stdout().endsWith('\n'));
    watch.stop();
    const { stdout } = await watch.outcome;
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toMatchObject({
      revision: '2',
      events: [
        { type: 'PUT', kv: { key: 'YQ==', value: 'MQ==', mod_revision: '2' } },
        { type: 'PUT', kv: { key: 'Yg==', value: 'Mg==', mod_revision: '2' } },
      ],
    });
  });

  test('of history that is gone', async () => {
    for (const value of ['1', '2', '3']) await cli(['put', 'a', value]);
    expect((await cli(['compact', '4'])).stdout).toBe('history begins at revision 4 now\n');
    const { exitCode, stderr } = await cli(['watch', 'a', '--from', '2']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('the oldest that is left is 4')]);
    expect(await cli(['compact', '4'])).toMatchObject({ exitCode: 1 });
  });

  test('of a cluster that is not there', async () => {
    const { exitCode, stderr } = await runCli(['watch', 'a', '--endpoints', '127.0.0.1:1']);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('no server was reached')]);
  });
});

describe('lease', () => {
  test('from its grant to its end', async () => {
    expect((await cli(['lease', 'grant', '60', '--id', 'abc'])).stdout).toBe('abc is granted for 60 s\n');
    expect((await cli(['put', 'session', 'here', '--lease', 'abc'])).exitCode).toBe(0);
    expect((await cli(['lease', 'list'])).stdout).toBe('ID\nabc\n');
    expect((await cli(['lease', 'ttl', 'abc', '--keys'])).stdout).toMatch(
      /^abc has \d+ s of 60 s left\nsession\n$/,
    );
    expect((await cli(['lease', 'keep-alive', 'abc', '--once'])).stdout).toBe('abc has 60 s again\n');
    const json = async (...words: string[]) => JSON.parse((await cli([...words, '--output', 'json'])).stdout);
    expect(await json('lease', 'grant', '60', '--id', 'abd')).toMatchObject({
      header: { revision: '2' },
      ID: '2749',
      TTL: '60',
    });
    expect(await json('lease', 'revoke', 'abd')).toEqual({ header: expect.anything() });
    expect(await json('lease', 'list')).toMatchObject({ leases: [{ ID: '2748' }] });
    expect(await json('lease', 'ttl', 'abc', '--keys')).toMatchObject({
      ID: '2748',
      TTL: expect.stringMatching(/^\d+$/),
      grantedTTL: '60',
      keys: ['c2Vzc2lvbg=='],
    });
    const keeping = start(['lease', 'keep-alive', 'abc', '--output', 'json']);
    await until(() => keeping.stdout() !== '');
    keeping.stop();
    const { exitCode, stdout } = await keeping.outcome;
    expect([exitCode, JSON.parse(stdout)]).toEqual([0, { ID: '2748', TTL: '60' }]);
    expect((await cli(['lease', 'revoke', 'abc'])).stdout).toBe('abc is revoked\n');
    expect((await cli(['get', 'session'])).stdout).toBe('');
    for (const command of ['ttl', 'keep-alive', 'revoke']) {
      expect(await cli(['lease', command, 'abc'])).toMatchObject({ exitCode: 1 });
    }
  });

  test.each([
    ['revoke', 'xyz'],
    ['grant', '0'],
    ['grant', '1.5'],
  ])('%s %s is wrong usage', async (...words) => {
    expect(await cli(['lease', ...words])).toMatchObject({ exitCode: 2, stdout: '' });
  });
});

describe('lock', () => {
  const told = (name: string): string => path.join(directory, name);

  test('runs a command with its fence, and ends as that does', async () => {
    const script = `echo "$QUORATE_FENCE" > ${told('fence')}; exit 7`;
    const env = { PATH: process.env['PATH'] ?? '' };
    expect(await cli(['lock', 'job', '--', 'sh', '-c', script], { env })).toMatchObject({ exitCode: 7 });
    const fence = Number(readFileSync(told('fence'), 'utf8'));
    expect(await cli(['lock', 'job', '--', 'sh', '-c', script], { env })).toMatchObject({ exitCode: 7 });
    expect(Number(readFileSync(told('fence'), 'utf8'))).toBeGreaterThan(fence);
    expect((await cli(['get', 'job/', '--prefix'])).stdout).toBe('');
  });

  test('one waits for the other, and gives up when told so', async () => {
    const first = start(['lock', 'job']);
    await until(() => first.stdout().includes('is held'));
    const second = start(['lock', 'job', '--output', 'json']);
    const third = start(['lock', 'job']);
    const waiting = async () => (await cli(['get', 'job/', '--prefix', '--count-only'])).stdout;
    await until(async () => (await waiting()) === '3\n');
    expect(second.stdout() + third.stdout()).toBe('');
    third.stop();
    expect(await third.outcome).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('given up') });
    first.stop('SIGTERM');
    expect(await first.outcome).toMatchObject({ exitCode: 0 });
    await until(() => second.stdout() !== '');
    expect(JSON.parse(second.stdout())).toEqual({
      key: expect.stringMatching(/^job\//),
      fence: expect.stringMatching(/^\d+$/),
    });
    second.stop();
    expect(await second.outcome).toMatchObject({ exitCode: 0 });
  });

  test('gives up waiting after --wait, and leaves the queue', async () => {
    const first = start(['lock', 'job']);
    await until(() => first.stdout().includes('is held'));
    const { exitCode, stderr, stdout } = await cli(['lock', 'job', '--wait', '300ms', '--', 'echo', 'never']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('job was not got in the time of --wait');
    await until(async () => (await cli(['get', 'job/', '--prefix', '--count-only'])).stdout === '1\n');
    first.stop();
    expect(await first.outcome).toMatchObject({ exitCode: 0 });
    expect(await cli(['lock', 'job', '--wait', '60s', '--', 'true'])).toMatchObject({ exitCode: 0 });
  });

  test.each([
    ['lock', ''],
    ['elect', '', 'me'],
    ['elect', '', '--listen'],
    ['lock', 'job', '--wait', '5'],
  ])('%s "%s" %s is wrong usage', async (...words) => {
    expect(await cli(words)).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('ends the command when the lock is lost', async () => {
    const env = { PATH: process.env['PATH'] ?? '' };
    const script = `trap "" TERM; echo > ${told('running')}; while :; do sleep 0.1; done`;
    const held = startCli(at(['lock', 'job', '--ttl', '3', '--', 'sh', '-c', script]), { env });
    await until(() => {
      try {
        return readFileSync(told('running')).length > 0;
      } catch {
        return false;
      }
    });
    await cli(['del', 'job/', '--prefix']);
    expect(await held.outcome).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('job is lost (somebody deleted the key)'),
    });
  });

  test('of a command that does not exist', async () => {
    const { exitCode, stderr } = await cli(['lock', 'job', '--', '/nonexistent/command']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('The lock was given back')]);
  });
});

describe('elect', () => {
  test('leads until it is stopped, as those see who listen', async () => {
    const listening = start(['elect', 'office', '--listen']);
    await until(() => listening.stdout() === '-\n');
    const leading = start(['elect', 'office', 'me']);
    await until(() => leading.stdout().startsWith('leading office'));
    await until(() => listening.stdout().includes('me  (fence '));
    leading.stop();
    expect(await leading.outcome).toMatchObject({ exitCode: 0 });
    await until(() => listening.stdout().endsWith(')\n-\n'));
    listening.stop();
    expect(await listening.outcome).toMatchObject({ exitCode: 0 });
  });

  test('fails when the leadership is lost', async () => {
    const leading = start(['elect', 'office', 'me']);
    await until(() => leading.stdout() !== '');
    await cli(['del', 'office/', '--prefix']);
    expect(await leading.outcome).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('the leadership is lost'),
    });
  });

  test.each([[['office']], [['office', 'me', '--listen']]])('%j is wrong usage', async (words) => {
    expect(await cli(['elect', ...words])).toMatchObject({ exitCode: 2 });
  });
});

describe('user, role, auth', () => {
  const file = (text: string): string => {
    const name = path.join(directory, 'password');
    writeFileSync(name, text);
    return name;
  };

  test('from nobody to permissions and back', async () => {
    const asked = { typed: ['secret', 'secret'] };
    expect(await cli(['user', 'add', 'root'], asked)).toMatchObject({
      exitCode: 0,
      stdout: 'root is added\n',
    });
    expect((await cli(['auth', 'enable'])).exitCode).toBe(0);
    expect(await cli(['put', 'app/1', 'x'])).toMatchObject({ exitCode: 1 });
    const root = ['--user', 'root', '--password-file', file('secret\n')];
    expect((await cli(['user', 'get', 'root', ...root])).stdout).toBe('root has root\n');
    expect((await cli(['user', 'add', 'alice', ...root], { stdin: 'wonder\n' })).exitCode).toBe(0);
    await cli(['role', 'add', 'app', ...root]);
    const granted = await cli(['role', 'grant', 'app', 'readwrite', 'app/', '--prefix', ...root]);
    expect(granted.stdout).toBe('app may readwrite all that begin with app/\n');
    await cli(['role', 'grant', 'app', 'read', 'config', ...root]);
    expect((await cli(['role', 'get', 'app', ...root])).stdout).toMatch(
      /^PERMISSION +KEYS\nreadwrite +all that begin with app\/\nread +config\n$/,
    );
    await cli(['user', 'grant-role', 'alice', 'app', ...root]);
    const json = async (...words: string[]) =>
      JSON.parse((await cli([...words, ...root, '--output', 'json'])).stdout);
    expect(await json('user', 'list')).toMatchObject({ header: {}, users: ['alice', 'root'] });
    expect(await json('user', 'get', 'alice')).toMatchObject({ roles: ['app'] });
    expect(await json('role', 'list')).toMatchObject({ roles: expect.arrayContaining(['app']) });
    expect(await json('role', 'get', 'app')).toMatchObject({
      perm: expect.arrayContaining([
        { permType: 'READWRITE', key: 'YXBwLw==', range_end: 'YXBwMA==' },
        expect.objectContaining({ key: 'Y29uZmln' }),
      ]),
    });

    const alice = ['--user', 'alice'];
    expect((await cli(['put', 'app/1', 'x', ...alice], { typed: ['wonder'] })).exitCode).toBe(0);
    const env = { QUORATE_PASSWORD: 'wonder' };
    expect((await cli(['get', 'app/1', '--raw', ...alice], { env })).stdout).toBe('x');
    const outside = await cli(['put', 'other', 'x', '--user', 'alice:wonder']);
    expect([outside.exitCode, outside.stderr]).toEqual([1, expect.stringContaining('permission denied')]);
    const wrong = await cli(['get', 'app/1', '--user', 'alice:wrong']);
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining('authentication failed')]);
    expect(await cli(['watch', 'other', '--user', 'alice:wonder'])).toMatchObject({ exitCode: 1 });

    await cli(['role', 'revoke', 'app', 'app/', '--prefix', ...root]);
    expect((await cli(['get', 'app/1', ...alice], { env })).exitCode).toBe(1);
    expect((await cli(['auth', 'disable', ...root])).exitCode).toBe(0);
    expect(JSON.parse((await cli(['auth', 'status', '--output', 'json'])).stdout)).toEqual({
      header: expect.anything(),
      authRevision: expect.stringMatching(/^\d+$/),
    });
    expect((await cli(['put', 'anything', 'x'])).exitCode).toBe(0);
  });

  test('a token stands for who it was issued to', async () => {
    await cli(['user', 'add', 'root'], { stdin: 'secret' });
    await cli(['auth', 'enable']);
    const { exitCode, stderr } = await cli(['get', 'a', '--token', 'nonsense']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('invalid auth token')]);
    const both = await cli(['get', 'a', '--token', 'x', '--user', 'root']);
    expect(both).toMatchObject({ exitCode: 2 });
  });

  test('passwords that do not match, are empty or missing', async () => {
    expect(await cli(['user', 'add', 'bob'], { typed: ['one', 'two'] })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('not the same'),
    });
    expect(await cli(['user', 'add', 'bob'])).toMatchObject({ exitCode: 2 });
    expect(await cli(['get', 'a', '--user', 'bob'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--password-file'),
    });
    expect((await cli(['user', 'list'])).stdout).toBe('USER\n');
  });

  test('config hides what is secret', async () => {
    const { stdout } = await runCli(['config', 'client', '--user', 'alice:wonder', '--password', 'land']);
    expect(stdout).toMatch(/user +alice:\(hidden\)/);
    expect(stdout).not.toMatch(/wonder|land/);
  });
});

test('status --watch goes on until it is stopped', async () => {
  const status = start(['status', '--watch', '--output', 'json']);
  await until(() => status.stdout().split('\n').length > 2);
  status.stop();
  const { exitCode, stdout } = await status.outcome;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
    replicas: [{ name: 'n1', role: 'leader' }],
  });
});
