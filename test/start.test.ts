import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { foreignProgram } from './support/foreign.ts';
import { freeClusterPort } from './support/ports.ts';
import { isAlive, QuorateProcess, quorate, until } from './support/processes.ts';

const etcdctl = foreignProgram('etcdctl');
const curl = foreignProgram('curl');

let directory: string;
let port: number;
let endpoints: string;
const started: QuorateProcess[] = [];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-start-'));
  port = await freeClusterPort(3);
  endpoints = [port, port + 20_000, port + 30_000].map((each) => `127.0.0.1:${each}`).join(',');
});

afterEach(async () => {
  for (const each of started.splice(0)) {
    const pids = replicaPids(each);
    await each.destroy();
    await until(() => !pids.some(isAlive));
  }
  rmSync(directory, { recursive: true });
});

const dataDir = (): string => path.join(directory, 'data');

function start(...flags: readonly string[]): QuorateProcess {
  const supervisor = new QuorateProcess(['start', '--data-dir', dataDir(), ...flags]);
  started.push(supervisor);
  return supervisor;
}

/** The latest process of each replica, as its own log lines tell. */
function replicaPids(supervisor: QuorateProcess): number[] {
  const pids = new Map<string, number>();
  for (const [, name = '', pid] of supervisor.stderr.matchAll(/^(n\d) \| \{.*?"pid":(\d+)/gm))
    pids.set(name, Number(pid));
  return [...pids.values()];
}

const put = (key: string, value: string) =>
  quorate(['put', key, value, '--endpoints', endpoints, '--timeout', '20s']);

async function get(key: string): Promise<string> {
  const { stdout } = await quorate(['get', key, '--raw', '--endpoints', endpoints, '--timeout', '20s']);
  return stdout;
}

describe('quorate start', () => {
  test('serves, stops in order when told to, and finds its data again', async () => {
    const first = start('--port', String(port));
    await first.says('Ctrl-C stops.');
    expect(first.stdout).toContain(`Ready: 3 replicas serving ${endpoints.replaceAll(',', ', ')}`);
    expect(first.stdout).toContain(`curl -s http://127.0.0.1:${port}/v3/kv/range`);
    expect((await put('greeting', 'hello')).exitCode).toBe(0);
    const pids = replicaPids(first);
    expect(pids).toHaveLength(3);

    first.child.kill('SIGINT');
    expect(await first.exitCode).toBe(0);
    expect(first.stderr).toContain('all replicas have stopped');
    expect(first.stderr).not.toContain('is killed');
    expect(pids.filter(isAlive)).toEqual([]);

    const second = start();
    await second.says('Ctrl-C stops.');
    expect(second.stdout).toContain(`--endpoints ${endpoints}`);
    expect(await get('greeting')).toBe('hello');
  });

  test.skipIf(etcdctl === undefined || curl === undefined)(
    'the three lines that it prints work',
    async () => {
      const supervisor = start('--port', String(port));
      await supervisor.says('Ctrl-C stops.');
      const lines = supervisor.stdout.split('\n').filter((line) => line.startsWith('  '));
      const [put, read, get] = lines.map((line) => execFileSync('sh', ['-c', line], { encoding: 'utf8' }));
      expect(lines).toHaveLength(3);
      expect(put).toBe('OK\n');
      expect(JSON.parse(read ?? '')).toMatchObject({
        kvs: [{ value: Buffer.from('hello').toString('base64') }],
      });
      expect(get).toMatch(/^greeting +hello /m);
    },
  );

  test('replicas stop by themselves when their supervisor is killed', async () => {
    const supervisor = start('--port', String(port));
    await supervisor.says('Ctrl-C stops.');
    const pids = replicaPids(supervisor);
    expect(pids.filter(isAlive)).toHaveLength(3);
    supervisor.child.kill('SIGKILL');
    await until(() => !pids.some(isAlive));
  });

  test('a replica that is killed is reported and started again, and the others serve meanwhile', async () => {
    const supervisor = start('--port', String(port));
    await supervisor.says('Ctrl-C stops.');
    expect((await put('a', '1')).exitCode).toBe(0);
    const [victim = 0] = replicaPids(supervisor);
    process.kill(victim, 'SIGKILL');
    await supervisor.says(/start \| n\d was killed by SIGKILL; it is started again in 0\.5 s/);
    expect((await put('a', '2')).exitCode).toBe(0);
    await until(() => {
      const pids = replicaPids(supervisor);
      return pids.length === 3 && !pids.includes(victim);
    });
    await until(async () => {
      const { stdout } = await quorate(['status', '--endpoints', endpoints, '--output', 'json']);
      const rows: { answered: boolean; role?: string }[] = JSON.parse(stdout);
      return rows.length === 3 && rows.every((row) => row.role === 'leader' || row.role === 'follower');
    });
    expect(await get('a')).toBe('2');
  });

  test('refuses a port in use before anything is started', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port + 20_001, '127.0.0.1', resolve));
    const supervisor = start('--port', String(port));
    expect(await supervisor.exitCode).toBe(1);
    expect(supervisor.stderr).toContain(`127.0.0.1:${port + 20_001} is in use`);
    expect(supervisor.stderr).toContain('Nothing was started');
    await new Promise((resolve) => squatter.close(resolve));
  });

  test('refuses to run the data of a cluster with other ports or another size', async () => {
    const first = start('--port', String(port), '--replicas', '1');
    await first.says('Ctrl-C stops.');
    first.child.kill('SIGTERM');
    expect(await first.exitCode).toBe(0);
    for (const flags of [
      ['--port', String(port + 2)],
      ['--replicas', '3'],
    ]) {
      const other = start(...flags);
      expect(await other.exitCode).toBe(1);
      expect(other.stderr).toMatch(/cannot change to \d+: leave --(port|replicas) out/);
    }
  });
});
