import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../test/support/cli.ts';
import { serveClients, type TestServer } from '../../test/support/client-server.ts';

let cluster: TestServer;
beforeEach(async () => {
  cluster = await serveClients();
});
afterEach(async () => {
  expect(cluster.faults).toEqual([]);
  await cluster[Symbol.asyncDispose]();
});

const cli = (args: readonly string[], stdin?: string | Uint8Array) =>
  runCli([...args, '--endpoints', cluster.server.address], stdin === undefined ? {} : { stdin });

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('put, get, del', () => {
  test('there and back, for people', async () => {
    expect(await cli(['put', 'greeting', 'hello'])).toMatchObject({
      exitCode: 0,
      stdout: 'done at revision 2\n',
    });
    const { stdout } = await cli(['get', 'greeting']);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['KEY', 'VALUE', 'VERSION', 'MODIFIED', 'CREATED'],
      ['greeting', 'hello', '1', '2', '2'],
      [''],
    ]);
    expect(await cli(['del', 'greeting'])).toMatchObject({
      exitCode: 0,
      stdout: '1 deleted at revision 3\n',
    });
    expect(await cli(['get', 'greeting'])).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: 'no such key\n',
    });
  });

  test('for programs: 64-bit numbers are strings, bytes base64', async () => {
    await cli(['put', 'a', '1']);
    const put = JSON.parse((await cli(['put', 'a', '2', '--prev-kv', '--output', 'json'])).stdout);
    expect(put).toMatchObject({
      header: { revision: '3' },
      prev_kv: { key: base64('a'), value: base64('1') },
    });
    const get = JSON.parse((await cli(['get', 'a', '--output', 'json'])).stdout);
    expect(get).toMatchObject({
      count: '1',
      kvs: [{ key: base64('a'), value: base64('2'), version: '2', mod_revision: '3', create_revision: '2' }],
    });
    const del = JSON.parse((await cli(['del', 'a', '--prev-kv', '--output', 'json'])).stdout);
    expect(del).toMatchObject({ deleted: '1', prev_kvs: [{ value: base64('2') }] });
  });

  test('any bytes pass through stdin and --raw unchanged', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    expect((await cli(['put', 'bytes', '-'], bytes)).exitCode).toBe(0);
    expect((await cli(['get', 'bytes', '--raw'])).stdoutBytes).toEqual(bytes);
    expect((await cli(['get', 'bytes'])).stdout).toContain('\\x00\\x01');
  });

  test('ranges', async () => {
    for (const key of ['a/1', 'a/2', 'a/3', 'b']) await cli(['put', key, key]);
    const keys = async (...args: string[]) =>
      (await cli(['get', ...args, '--keys-only'])).stdout.split('\n').filter((line) => line !== '');
    expect(await keys('a/', '--prefix')).toEqual(['a/1', 'a/2', 'a/3']);
    expect(await keys('', '--prefix')).toEqual(['a/1', 'a/2', 'a/3', 'b']);
    expect(await keys('a/2', '--range-end', 'c')).toEqual(['a/2', 'a/3', 'b']);
    expect(await keys('a/', '--prefix', '--sort', 'mod:descend')).toEqual(['a/3', 'a/2', 'a/1']);
    expect((await cli(['get', 'a/', '--prefix', '--count-only'])).stdout).toBe('3\n');
    const limited = await cli(['get', 'a/', '--prefix', '--keys-only', '--limit', '2']);
    expect(limited).toMatchObject({ stdout: 'a/1\na/2\n', stderr: expect.stringContaining('2 of 3 shown') });
    expect((await cli(['del', 'a/', '--prefix'])).stdout).toContain('3 deleted');
  });

  test('how it was at a revision', async () => {
    for (const value of ['1', '2']) await cli(['put', 'a', value]);
    expect((await cli(['get', 'a', '--raw', '--rev', '2'])).stdout).toBe('1');
    const { exitCode, stderr } = await cli(['get', 'a', '--rev', '99']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('future revision')]);
  });

  test('the consistency that was asked for', async () => {
    await cli(['get', 'a']);
    expect(cluster.replica.lastConsistency).toBe('linearizable');
    await cli(['get', 'a', '--consistency', 'local']);
    expect(cluster.replica.lastConsistency).toBe('local');
  });
});

describe('txn', () => {
  const takeLock = 'if\nversion(lock) = 0\nthen\nput lock me\nget lock\nelse\nget lock\n';

  test('takes the branch that the comparisons choose', async () => {
    const first = await cli(['txn'], takeLock);
    expect(first).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^then .*revision 2\n1\. put: done\n2\./),
    });
    const second = await cli(['txn', '-'], takeLock);
    expect(second).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^else .*\n1\. get: 1 found\nKEY/),
    });
    const json = JSON.parse((await cli(['txn', '--output', 'json'], takeLock)).stdout);
    expect(json).toMatchObject({ succeeded: false, responses: [{ response_range: { count: '1' } }] });
  });

  test('takes JSON too', async () => {
    const request = { success: [{ request_put: { key: base64('a'), value: base64('1') } }] };
    expect((await cli(['txn'], JSON.stringify(request))).exitCode).toBe(0);
    expect((await cli(['get', 'a', '--raw'])).stdout).toBe('1');
  });

  test('wrong text is not sent', async () => {
    const { exitCode, stderr } = await cli(['txn'], 'then\nput a');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('stdin, line 2: expected a value. Nothing was sent.');
  });
});

describe('snapshot', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-snapshot-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test.each([
    ['a directory', () => directory],
    ['a device', () => '/dev/null'],
    ['wherever stdout goes', () => '/dev/stdout'],
    [
      'a link to a device',
      () => {
        symlinkSync('/dev/null', path.join(directory, 'link'));
        return path.join(directory, 'link');
      },
    ],
  ])('save does not ask anybody when the target is %s', async (_name, target) => {
    const { exitCode, stderr } = await runCli(['snapshot', 'save', target(), '--endpoints', '127.0.0.1:1']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('is not a regular file')]);
  });

  test('a restore that is refused leaves no directory behind, and shows the path as it was given', async () => {
    const dataDir = path.join(directory, 'n1');
    const member = ['--name', 'n1', '--data-dir', dataDir, '--cluster', 'n1=127.0.0.1:2380'];
    const { exitCode, stderr } = await runCli(['snapshot', 'restore', './missing.snap', ...member]);
    expect([exitCode, stderr]).toEqual([
      2,
      'quorate: ./missing.snap cannot be read: it does not exist. Nothing was done.\n',
    ]);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe('status', () => {
  test('of the servers that were named', async () => {
    const { exitCode, stdout } = await cli(['status']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ENDPOINT +NAME +ID +ROLE +TERM/);
    expect(stdout).toMatch(new RegExp(`${cluster.server.address} +n1 +7 +leader +3`));
  });

  test('shows those that do not answer, and is content when one does', async () => {
    const endpoints = `${cluster.server.address},127.0.0.1:1`;
    const { exitCode, stdout } = await runCli(['status', '--endpoints', endpoints, '--output', 'json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'n1', answered: true, role: 'leader', status: { raftTerm: '3' } },
      { endpoint: '127.0.0.1:1', answered: false, problem: 'connect ECONNREFUSED 127.0.0.1:1' },
    ]);
  });

  test('fails when none does', async () => {
    const { exitCode, stderr } = await runCli(['status', '--endpoints', '127.0.0.1:1']);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('no server answered')]);
  });
});

describe('exit codes and what they are said with', () => {
  test('1: refused, nothing happened', async () => {
    const long = 'x'.repeat(70_000);
    const { exitCode, stderr } = await cli(['put', long, 'v']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('Nothing happened.')]);
  });

  test('3: the outcome of a write is unknown', async () => {
    cluster.replica.writeOutcome = { type: 'unknown', reason: 'timeout' };
    for (const args of [
      ['put', 'a', '1'],
      ['del', 'a'],
    ]) {
      const { exitCode, stderr } = await cli(args);
      expect([exitCode, stderr]).toEqual([3, expect.stringContaining('It may have taken effect')]);
    }
  });

  test('1: a read that fails has changed nothing', async () => {
    cluster.replica.readOutcome = { type: 'refused', reason: 'timeout' };
    const { exitCode, stderr } = await cli(['get', 'a', '--timeout', '300ms']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('Nothing happened.')]);
  });

  test('without a leader: in words, and with what to look at', async () => {
    cluster.replica.writeOutcome = { type: 'refused', reason: 'noLeader' };
    const refused = await cli(['put', 'a', '1', '--timeout', '300ms']);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /no leader, says .*: a majority .* not reachable; see "quorate status"\. Nothing happened/,
      ),
    ]);
    cluster.replica.propose = () => new Promise(() => undefined);
    const silent = await cli(['put', 'a', '1', '--timeout', '300ms']);
    expect([silent.exitCode, silent.stderr]).toEqual([
      3,
      expect.stringMatching(
        /no answer in time \(a majority .*may not be reachable.*It may have taken effect/,
      ),
    ]);
    cluster.replica.read = () => new Promise(() => undefined);
    const read = await cli(['get', 'a', '--timeout', '300ms']);
    expect([read.exitCode, read.stderr]).toEqual([
      1,
      expect.stringMatching(/^quorate: no answer from .*Nothing happened/),
    ]);
  });

  test('4: nothing was sent', async () => {
    for (const args of [
      ['put', 'a', '1'],
      ['get', 'a'],
    ]) {
      const { exitCode, stderr } = await runCli([...args, '--endpoints', '127.0.0.1:1']);
      expect([exitCode, stderr]).toEqual([4, expect.stringContaining('Nothing was sent.')]);
    }
  });
});

describe('member', () => {
  test('list, add, update and remove', async () => {
    cluster.replica.carriesOutChanges = true;
    const list = await cli(['member', 'list']);
    expect(list.stdout.split('\n')[1]).toMatch(/^7 +n1 +voter +http:\/\/127\.0\.0\.1:2380 /);
    const added = await cli(['member', 'add', '10.0.0.9:2380']);
    expect(added.exitCode).toBe(0);
    expect(added.stdout).toMatch(/--initial-cluster-state existing --peer 10\.0\.0\.9:2380 --cluster n1=/);
    expect(cluster.replica.lastChange).toMatchObject({ type: 'addLearner', promote: true });
    expect((await cli(['member', 'update', 'n1', '10.0.0.7:1'])).stdout).toBe(
      'n1 is reached at 10.0.0.7:1\n',
    );
    const removed = await cli(['member', 'remove', '8', '--output', 'json']);
    expect(JSON.parse(removed.stdout)).toMatchObject({ header: {}, members: [{ ID: '7' }, {}] });
    const listed = JSON.parse((await cli(['member', 'list', '--output', 'json'])).stdout);
    expect(listed).toMatchObject({ header: {}, members: [{ ID: '7', name: 'n1' }, {}] });
    expect(await cli(['member', 'promote', 'n1'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('can only promote a learner member'),
    });
    expect(await cli(['member', 'remove', 'n9'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is no member n9'),
    });
    expect(await cli(['member', 'add', 'nowhere'])).toMatchObject({ exitCode: 2 });
  });
});
