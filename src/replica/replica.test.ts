import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes } from '../core/bytes.ts';
import { type Machine, machineView } from '../machine/index.ts';
import { Replica, type ReplicaError, type ReplicaOptions } from './index.ts';
import type { ReplicaHandle } from './types.ts';

const key = Uint8Array.of(1);

/** Counts; each command is a byte to add, each result the sum. */
const counter: Machine = {
  name: 'counter',
  featureLevel: 1,
  apply(command, _context, store) {
    const sum = (store.get(key)?.[0] ?? 0) + (command[0] ?? 0);
    store.put(key, Uint8Array.of(sum));
    return Uint8Array.of(sum);
  },
};

let directory: string;
const open: Replica[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-replica-'));
});

afterEach(async () => {
  for (const replica of open.splice(0)) await replica.close();
  await rm(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function start(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const replica = await Replica.open({
    machine: counter,
    dataDir: join(directory, options.name ?? 'n1'),
    ...options,
  });
  open.push(replica);
  return replica;
}

async function stop(replica: Replica): Promise<void> {
  open.splice(open.indexOf(replica), 1);
  await replica.close();
}

async function newCluster() {
  return Promise.all(
    ['n1', 'n2', 'n3'].map(async (name) => ({ name, address: `127.0.0.1:${await freePort()}` })),
  );
}

async function add(replica: ReplicaHandle, amount: number): Promise<number | undefined> {
  const outcome = await replica.propose(Uint8Array.of(amount), 20_000);
  if (outcome.type !== 'done') throw new Error(`${outcome.type}: ${outcome.reason}`);
  return outcome.result[0];
}

async function sum(replica: ReplicaHandle): Promise<number | undefined> {
  const outcome = await replica.read('linearizable', 20_000);
  if (outcome.type !== 'readable') throw new Error(`${outcome.type}: ${outcome.reason}`);
  return machineView(outcome.store).get(key)?.[0];
}

const failure = (promise: Promise<unknown>): Promise<ReplicaError> =>
  promise.then(
    () => {
      throw new Error('it worked');
    },
    (error: ReplicaError) => error,
  );

describe('one replica', () => {
  for (const store of ['lmdb', 'memory'] as const) {
    it(`replicates a machine of the user and finds its state again (${store})`, async () => {
      const first = await start({ store });
      expect(await first.ready()).toBe(true);
      expect(await add(first, 3)).toBe(3);
      expect(await add(first, 4)).toBe(7);
      await stop(first);
      const second = await start({ store });
      await second.ready();
      expect(await sum(second)).toBe(7);
    });
  }

  it('asks for the directory when a caller without types leaves it out', async () => {
    const options: unknown = { machine: counter };
    const error = await failure(Replica.open(options as ReplicaOptions));
    expect(error.code).toBe('CONFIGURATION');
    expect(error.message).toContain('dataDir is missing');
  });

  it('refuses a directory that another one uses, and says who', async () => {
    await start();
    const error = await failure(Replica.open({ machine: counter, dataDir: join(directory, 'n1') }));
    expect(error.code).toBe('LOCKED');
    expect(error.message).toContain(String(process.pid));
  });

  it('refuses a directory of another replica, token, or machine, and leaves it as it was', async () => {
    const replica = await start({ clusterToken: 'ours' });
    await replica.ready();
    await add(replica, 1);
    await stop(replica);
    const dataDir = join(directory, 'n1');
    const manifest = await readFile(join(dataDir, 'manifest.json'), 'utf8');
    const attempts: Partial<ReplicaOptions>[] = [
      { name: 'n2', clusterToken: 'ours' },
      { clusterToken: 'theirs' },
      { clusterToken: 'ours', machine: { ...counter, name: 'other' } },
    ];
    for (const attempt of attempts) {
      const error = await failure(Replica.open({ machine: counter, ...attempt, dataDir }));
      expect(error.code).toBe('FOREIGN_DATA');
    }
    expect(await readFile(join(dataDir, 'manifest.json'), 'utf8')).toBe(manifest);
  });

  it('refuses to start without the manifest that says whose data it is', async () => {
    await stop(await start());
    await rm(join(directory, 'n1', 'manifest.json'));
    expect((await failure(start())).code).toBe('DAMAGED');
  });

  it('refuses to start without the journal that says what it promised', async () => {
    const replica = await start();
    await replica.ready();
    await stop(replica);
    await rm(join(directory, 'n1', 'journal'), { recursive: true });
    const error = await failure(start());
    expect(error.code).toBe('DAMAGED');
    expect(error.message).toContain('The journal of n1 is gone');
  });

  it('refuses to publish what the others could not read', async () => {
    const clientAddresses = new Array<string>(17).fill('127.0.0.1:1');
    expect((await failure(start({ clientAddresses }))).code).toBe('CONFIGURATION');
  });

  it('stops waiting for a leader when it is closed', async () => {
    const cluster = await newCluster();
    const replica = await start({ name: 'n1', cluster });
    const ready = replica.ready(60_000);
    await stop(replica);
    expect(await ready).toBe(false);
  });

  it('refuses a port that is in use', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const error = await failure(start({ peerAddress: `127.0.0.1:${port}` }));
    expect(error.code).toBe('ADDRESS');
    expect(error.message).toContain(String(port));
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});

describe('three replicas', () => {
  it('agree, go on without one, and bring it up to date when it comes back', async () => {
    const cluster = await newCluster();
    const replicas = await Promise.all(cluster.map(({ name }) => start({ name, cluster })));
    await Promise.all(replicas.map((replica) => replica.ready()));
    for (const replica of replicas) await add(replica, 1);
    for (const replica of replicas) expect(await sum(replica)).toBe(3);
    const leader = replicas.find((replica) => replica.status().role === 'leader') as Replica;
    const name = leader.status().name;
    await stop(leader);
    const rest = replicas.filter((replica) => replica !== leader);
    expect(await add(rest[0] as Replica, 10)).toBe(13);
    const back = await start({ name, cluster });
    await back.ready();
    expect(await sum(back)).toBe(13);
    expect(new Set(open.map((replica) => replica.status().leader)).size).toBe(1);
  });

  it('never let a wiped disk vote under its old name', async () => {
    const cluster = await newCluster();
    const replicas = await Promise.all(cluster.map(({ name }) => start({ name, cluster })));
    await Promise.all(replicas.map((replica) => replica.ready()));
    await add(replicas[0] as Replica, 1);
    await stop(replicas[2] as Replica);
    await rm(join(directory, 'n3'), { recursive: true });
    const reason = new Promise<ReplicaError>((resolve) => {
      void start({ name: 'n3', cluster, halted: resolve });
    });
    expect((await reason).code).toBe('REPLACED');
    expect(await add(replicas[0] as Replica, 1)).toBe(2);
  });

  it('turn away a directory that was rolled back to an older copy', async () => {
    const cluster = await newCluster();
    const [n1] = await Promise.all(cluster.map(({ name }) => start({ name, cluster })));
    await Promise.all(open.map((replica) => replica.ready()));
    await stop(n1 as Replica);
    await cp(join(directory, 'n1'), join(directory, 'copy'), { recursive: true });
    const again = await start({ name: 'n1', cluster });
    await again.ready();
    await add(again, 1);
    await stop(again);
    await rm(join(directory, 'n1'), { recursive: true });
    await rename(join(directory, 'copy'), join(directory, 'n1'));
    const reason = new Promise<ReplicaError>((resolve) => {
      void start({ name: 'n1', cluster, halted: resolve });
    });
    expect((await reason).code).toBe('ROLLED_BACK');
    await stop(open.at(-1) as Replica);
    expect((await failure(start({ name: 'n1', cluster }))).code, 'and never comes back').toBe('ROLLED_BACK');
    expect(await add(open[0] as Replica, 1)).toBe(2);
  });

  it('do not admit one that was closed while it waited', async () => {
    const cluster = (await newCluster()).slice(0, 2);
    await stop(await start({ name: 'n1', cluster }));
    const manifest = await readFile(join(directory, 'n1', 'manifest.json'), 'utf8');
    const other = await start({ name: 'n2', cluster });
    expect(await other.ready(1_000)).toBe(false);
    expect(await readFile(join(directory, 'n1', 'manifest.json'), 'utf8')).toBe(manifest);
    await start({ name: 'n1', cluster });
    expect(await other.ready()).toBe(true);
  });

  it('keep out a replica with another token', async () => {
    const cluster = await newCluster();
    const pair = cluster.slice(0, 2);
    await Promise.all(pair.map(({ name }) => start({ name, cluster, clusterToken: 'a' })));
    const problems: string[] = [];
    const observer = {
      log: (_level: string, _message: string, fields?: Readonly<Record<string, unknown>>) => {
        if (typeof fields?.['code'] === 'string') problems.push(fields['code']);
      },
    };
    const stranger = await start({ name: 'n3', cluster, clusterToken: 'b', observer });
    expect(await stranger.ready(1_500)).toBe(false);
    expect(stranger.status().phase).toBe('starting');
    expect((await stranger.propose(Uint8Array.of(1))).type).toBe('refused');
  });
});

describe('a backup', () => {
  it('is the state, whole, while writes go on', async () => {
    const replica = await start();
    await replica.ready();
    await add(replica, 5);
    const chunks: Uint8Array[] = [];
    for await (const chunk of replica.snapshot()) {
      chunks.push(chunk);
      await add(replica, 1);
    }
    await writeFile(join(directory, 'backup'), concatBytes(chunks));
    expect(await readdir(directory)).toContain('backup');
    expect(await sum(replica)).toBeGreaterThan(5);
  });
});

it('makes durable what it has applied when it is asked to', async () => {
  const replica = await start();
  await replica.ready();
  await replica.propose(Uint8Array.of(1));
  expect(replica.status().stateBytesPending).toBeGreaterThan(0);
  expect(await replica.flush()).toBe(true);
  expect(replica.status().stateBytesPending).toBe(0);
});
