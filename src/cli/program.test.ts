import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../test/support/cli.ts';
import { exitCodes } from './exit-codes.ts';
import { buildProgram } from './program.ts';

const silent = { write: () => undefined };

const program = buildProgram({
  exitCode: exitCodes.done,
  dependencies: {
    stdout: silent,
    stderr: silent,
    stdin: (async function* () {})(),
    env: {},
    lifeline: { onStop: () => () => undefined, exit: () => undefined },
  },
});

const pathsOf = (command: Command, prefix: readonly string[] = []): string[][] =>
  command.commands.flatMap((each) => [[...prefix, each.name()], ...pathsOf(each, [...prefix, each.name()])]);

describe('help', () => {
  test.each(pathsOf(program).map((words) => [words.join(' '), words] as const))(
    '%s',
    async (_name, words) => {
      const { exitCode, stdout, stderr } = await runCli([...words, '--help']);
      expect(exitCode).toBe(0);
      expect(stderr).toBe('');
      expect(stdout).toContain(`Usage: quorate ${words.join(' ')}`);
      expect(stdout).toContain('Examples:');
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(140);
    },
  );

  test('of the program names every command and the exit codes', async () => {
    const { exitCode, stdout } = await runCli(['--help']);
    expect(exitCode).toBe(0);
    for (const command of program.commands) expect(stdout).toContain(`\n  ${command.name()}`);
    expect(stdout).toContain('Exit codes:');
    expect((await runCli(['help', 'get'])).stdout).toContain('Usage: quorate get');
  });

  test('without a command, it goes to stderr as an answer to wrong usage', async () => {
    const { exitCode, stdout, stderr } = await runCli([]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: quorate');
  });
});

describe('wrong usage: exit code 2, what is wrong on stderr, nothing on stdout', () => {
  test.each([
    [['gett', 'a'], 'Did you mean get?'],
    [['get'], "missing required argument 'KEY'"],
    [['get', 'a', 'b'], 'too many arguments'],
    [['get', ''], '1 byte or longer'],
    [['get', 'a', '--prefx'], 'did you mean --prefix?'],
    [['put', 'a', 'b', '--keys-only'], 'quorate put has no flag --keys-only; quorate get has it'],
    [['sim', '--config', 'f.yaml'], 'other commands have it, and this one takes only the flags in its help'],
    [['member', '--timeout', '5s', 'list'], 'it belongs behind the name of one of its commands'],
    [['get', 'a', '-v'], '-v is not a flag: did you mean -V?'],
    [['get', 'a', '-w', 'json'], '-w is not a flag here (it is one of etcd): use --output'],
    [['get', 'a', '--from-key'], 'use --range-end'],
    [['get', 'a', '--print-value-only'], 'use --raw'],
    [['put', 'a', 'b', '--ignore-value'], 'not there yet'],
    [['serve', '--enable-v2'], 'only version 3'],
    [['serve', '--client-crl-file', 'x'], 'not there yet'],
    [['serve', '--ca-file', 'x'], 'use --trusted-ca-file'],
    [['migrate'], 'there is no command migrate: use "quorate copy"'],
    [['help', 'nonsense'], 'there is no command nonsense. "quorate --help" lists all.'],
    [['get', 'a', '--raw', '--output', 'json'], 'cannot be used with'],
    [['get', 'a', '--raw', '--keys-only'], 'cannot be used with'],
    [['get', 'a', '--raw', '--count-only'], 'cannot be used with'],
    [['get', 'a', '--keys-only', '--count-only'], 'cannot be used with'],
    [['get', 'a', '--rev', '0'], 'a revision, a number from 1 on'],
    [['get', 'a', '--limit', '0'], 'a number from 1 on'],
    [['get', 'a', '--sort', 'size'], 'one of key, version'],
    [['get', 'a', '--consistency', 's'], 'linearizable, local'],
    [['get', 'a', '--prefix', '--range-end', 'b'], 'cannot be used with'],
    [['get', 'a', '--output', 'xml'], '"xml" is not one of table, json'],
    [['get', 'a', '--timeout', '5'], 'not a duration'],
    [['get', 'a', '--endpoints', 'x'], 'has no port'],
    [['get', 'a', '--write-out', 'json'], 'use --output'],
    [['get', 'a', '--cert', '/nonexistent.pem'], '/nonexistent.pem cannot be read: it does not exist.'],
    [['get', 'a', '--cacert', '/etc/passwd'], 'not a PEM file'],
    [['txn', '/nonexistent.txn'], 'cannot be read as text'],
    [['serve', '--listen-client-urls', 'http://a:1'], 'use --client HOST:PORT'],
    [['serve', '--initial-cluster', 'a'], 'use --cluster'],
    [['serve', '--heartbeat-interval', '100'], 'nothing to set'],
    [['serve'], '--name is missing'],
    [['start', '--replicas', '2'], '"2" is not one of 1, 3, 5'],
    [['start', '--port', '65533', '--data-dir', '/nonexistent/quorate'], 'no room for 3 replicas'],
    [['config', 'everything'], 'Allowed choices are serve, start, client'],
    [['snapshot', 'sav', 'f'], "unknown command 'sav'"],
    [['snapshot', 'save'], "missing required argument 'FILE'"],
    [['snapshot', 'status', '/nonexistent.snap'], '/nonexistent.snap cannot be read: it does not exist.'],
    [['snapshot', 'status', '/'], '/ cannot be read: it is a directory.'],
    [
      ['recover', '--data-dir', '/nonexistent', '--new-data-dir', '/nonexistent2'],
      '/nonexistent does not exist',
    ],
    [['user', 'add', 'eve', '--no-password', '--new-password-file', 'pw'], 'cannot be used with'],
    [['member', 'add', 'nowhere'], 'address "nowhere" has no port'],
  ])('%j', async (args, expected) => {
    const { exitCode, stdout, stderr } = await runCli(args);
    expect(stderr).toContain(expected);
    expect([exitCode, stdout]).toEqual([2, '']);
  });
});

test('start says that a port leaves no room before it looks at what the directory was made with', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'quorate-start-'));
  try {
    writeFileSync(path.join(directory, 'start.json'), '{"port":2379,"replicas":3}');
    const { exitCode, stderr } = await runCli(['start', '--port', '65533', '--data-dir', directory]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('no room for 3 replicas')]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('serve refuses what contradicts itself', () => {
  let directory: string;
  const pem = (): string => path.join(directory, 'a.pem');
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-serve-'));
    writeFileSync(pem(), '-----BEGIN CERTIFICATE-----\n');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const good = {
    '--name': 'n1',
    '--data-dir': '/nonexistent/quorate',
    '--cluster': 'n1=127.0.0.1:2380,n2=127.0.0.1:22380',
  };
  const serve = (changes: Readonly<Record<string, string>>) =>
    runCli([
      'serve',
      ...Object.entries({ ...good, ...changes })
        .flat()
        .filter((word) => word !== ''),
    ]);

  test.each<[Record<string, string>, string]>([
    [{ '--name': 'n3' }, 'names n1, n2, but not n3'],
    [{ '--advertise-peer': '127.0.0.1:2381' }, 'make them the same'],
    [{ '--peer': '127.0.0.1:2379' }, 'a port each'],
    [{ '--client': '0.0.0.0:2379' }, 'or --insecure'],
    [{ '--peer': '10.0.0.1:2380' }, 'or --insecure'],
    [{ '--protocol': 'zab' }, 'there is no "zab"; there is raft'],
    [{ '--log-level': 'loud' }, '"loud" is not one of'],
    [{ '--client-cert-auth': '' }, 'needs --trusted-ca-file'],
  ])('%j', async (changes, expected) => {
    const { exitCode, stderr } = await serve(changes);
    expect(stderr).toContain(expected);
    expect(exitCode).toBe(2);
  });

  test('files that are no certificates', async () => {
    const files = { '--cert-file': pem(), '--key-file': pem() };
    const { exitCode, stderr } = await serve(files);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--cert-file, --key-file or')]);
    const client = await runCli(['get', 'a', '--cert', pem(), '--key', pem()]);
    expect([client.exitCode, client.stderr]).toEqual([
      2,
      expect.stringContaining('--cert or --key cannot be used'),
    ]);
  });

  test('half a pair of certificate and key', async () => {
    const { exitCode, stderr } = await serve({ '--cert-file': pem() });
    expect(stderr).toContain('--cert-file and --key-file are given together');
    expect(exitCode).toBe(2);
  });

  test('authorities without a certificate', async () => {
    const { exitCode, stderr } = await serve({ '--peer-trusted-ca-file': pem() });
    expect(stderr).toContain('--peer-trusted-ca-file needs --peer-cert-file');
    expect(exitCode).toBe(2);
  });
});

describe('config', () => {
  test('shows each value and where it comes from', async () => {
    const env = { QUORATE_TIMEOUT: '9s' };
    const { exitCode, stdout } = await runCli(
      ['config', 'client', '--endpoints', 'a:1', '--output', 'json'],
      { env },
    );
    expect(exitCode).toBe(0);
    const rows: { setting: string; value: string; source: string; place: string | null }[] =
      JSON.parse(stdout);
    const row = (name: string) => rows.find((each) => each.setting === name);
    expect(row('endpoints')).toMatchObject({ value: 'a:1', source: 'flag', place: '--endpoints' });
    expect(row('timeout')).toMatchObject({ value: '9s', source: 'environment', place: 'QUORATE_TIMEOUT' });
    expect(row('output')).toMatchObject({ value: 'json', source: 'flag' });
    expect(row('cacert')).toMatchObject({ value: null, source: 'unset', place: null });
    expect(row('name')).toBeUndefined();
  });

  test('as a table, of all commands', async () => {
    const { exitCode, stdout } = await runCli(['config', '--data-dir', '/x']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^SETTING +VALUE +FROM +USED BY\n/);
    expect(stdout).toMatch(/^data-dir +\/x +--data-dir +serve$/m);
    expect(stdout).toMatch(/^data-dir +\/x +--data-dir +start$/m);
    expect(stdout).toMatch(/^port +2379 +default +start$/m);
  });
});

test.each(['--version', '-V'])('%s', async (flag) => {
  expect(await runCli([flag])).toMatchObject({ exitCode: 0, stdout: (await runCli(['version'])).stdout });
});

test('version', async () => {
  const { exitCode, stdout } = await runCli(['version', '--output', 'json']);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.versions.node,
  });
});

test('a misspelt variable is warned about', async () => {
  const { exitCode, stderr } = await runCli(['version'], { env: { QUORATE_TIMEOUTS: '1s' } });
  expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/did you mean QUORATE_TIMEOUT\?\n$/)]);
});
