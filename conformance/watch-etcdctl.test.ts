import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

describe.skipIf(program === undefined)('etcdctl watch', () => {
  let cluster: Cluster;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    cluster = await Cluster.start();
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  afterEach(() => {
    for (const child of children.splice(0)) child.kill();
  });

  const environment = { ...process.env, ETCDCTL_API: '3' };

  function etcdctl(...args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        program ?? '',
        ['--endpoints', cluster.endpoints, '--command-timeout', '20s', ...args],
        { env: environment, timeout: 30_000 },
        (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr))),
      );
    });
  }

  /** Everything that a watch has printed so far. */
  function watch(...args: string[]): { readonly stdout: () => string; readonly child: ChildProcess } {
    const child = spawn(program ?? '', ['--endpoints', cluster.endpoints, 'watch', ...args], {
      env: environment,
    });
    children.push(child);
    let stdout = '';
    child.stdout.on('data', (part: Buffer) => {
      stdout += part.toString();
    });
    return { stdout: () => stdout, child };
  }

  const revision = async (): Promise<number> => {
    const text = await etcdctl('get', 'nobody', '--write-out', 'json');
    return (JSON.parse(text) as { header: { revision: number } }).header.revision;
  };

  test('a prefix from a revision on, with previous values, and what comes next', async () => {
    const from = (await revision()) + 1;
    await etcdctl('put', 'w/a', '1');
    await etcdctl('put', 'other', 'x');
    const { stdout } = watch('w/', '--prefix', '--rev', String(from), '--prev-kv');
    const first = 'PUT\nw/a\n1\n';
    await expect.poll(stdout, { timeout: 20_000 }).toBe(first);
    await etcdctl('put', 'w/a', '2');
    await etcdctl('del', 'w/a');
    await expect
      .poll(stdout, { timeout: 20_000 })
      .toBe(`${first}PUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n`);
  });

  test('a range, and a watch that outlives the replica that serves it', async () => {
    const from = (await revision()) + 1;
    const { stdout } = watch('r1', 'r3', '--rev', String(from));
    await etcdctl('put', 'r1', 'a');
    await etcdctl('put', 'r3', 'b');
    await etcdctl('put', 'r2', 'c');
    await expect.poll(stdout, { timeout: 20_000 }).toBe('PUT\nr1\na\nPUT\nr2\nc\n');
    const [first] = cluster.members;
    await first?.kill();
    await first?.start();
    await etcdctl('put', 'r2', 'd');
    await expect.poll(stdout, { timeout: 30_000 }).toBe('PUT\nr1\na\nPUT\nr2\nc\nPUT\nr2\nd\n');
  });

  test('from a compacted revision: refused with the first that is there', async () => {
    for (const value of ['1', '2', '3']) await etcdctl('put', 'c', value);
    await etcdctl('compaction', String(await revision()));
    const { child } = watch('c', '--rev', '2');
    let stderr = '';
    child.stderr?.on('data', (part: Buffer) => {
      stderr += part.toString();
    });
    await expect
      .poll(() => stderr, { timeout: 20_000 })
      .toContain('mvcc: required revision has been compacted');
  });

  test('interactive: several watches on one stream, and progress', async () => {
    const { stdout, child } = watch('-i');
    child.stdin?.write('watch i/a\nwatch i/b\n');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await etcdctl('put', 'i/b', '1');
    await expect.poll(stdout, { timeout: 20_000 }).toContain('PUT\ni/b\n1\n');
    child.stdin?.write('progress\n');
    const now = await revision();
    await expect.poll(stdout, { timeout: 20_000 }).toContain(`progress notify: ${now}`);
  });
});
