import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, connect } from '../src/client/index.ts';
import { Calls } from '../src/client/wire/index.ts';
import { embedded } from '../src/embedded/index.ts';
import { keySpace } from '../src/machine/index.ts';
import { Replica } from '../src/replica/index.ts';
import { Cluster } from '../test/processes/cluster.ts';
import { EtcdCluster } from '../test/support/etcd-cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';

/** One process of a store, as a test of bad days sees it. */
export interface StoreMember {
  readonly client: string;
  kill(): Promise<void>;
  start(): unknown;
  pause(): void;
  resume(): void;
}

/** What clients are tested against. */
export interface Store extends AsyncDisposable {
  connect(): Promise<Client>;
  /** What clients for programs have no call for. */
  readonly administer: (<T>(use: (calls: Calls) => Promise<T>) => Promise<T>) | undefined;
  /** Its processes, and the one that leads; undefined when there is no process but ours. */
  readonly processes:
    | { readonly members: readonly StoreMember[]; leader(): Promise<StoreMember> }
    | undefined;
}

interface Kind {
  readonly name: string;
  readonly start: () => Promise<Store>;
}

const etcd = foreignProgram('etcd');

/** Without an etcd, which `foreignProgram` says, Quorate alone. */
export const clusterStores: readonly Kind[] = [
  ...(etcd === undefined
    ? []
    : [
        {
          name: 'etcd, three processes',
          start: async () => processStore(await EtcdCluster.start(etcd, 3)),
        },
      ]),
  {
    name: 'Quorate, three processes',
    start: async () => processStore(await Cluster.start()),
  },
];

/** Clusters, and a replica in this process. */
export const stores: readonly Kind[] = [
  ...clusterStores,
  {
    name: 'embedded',
    start: async () => {
      const dataDir = mkdtempSync(path.join(tmpdir(), 'quorate-embedded-'));
      const replica = await Replica.open({ machine: keySpace, dataDir });
      await replica.ready();
      return {
        connect: async () => embedded(replica),
        administer: undefined,
        processes: undefined,
        [Symbol.asyncDispose]: async () => {
          await replica.close();
          rmSync(dataDir, { recursive: true, force: true });
        },
      };
    },
  },
];

interface Processes extends AsyncDisposable {
  readonly members: readonly StoreMember[];
  leader(): Promise<StoreMember>;
}

const processStore = (cluster: Processes): Store => ({
  connect: () => connect({ endpoints: cluster.members.map(({ client }) => client) }),
  administer: async (use) => {
    const calls = new Calls({
      servers: cluster.members.map(({ client }) => ({ address: client, tls: undefined })),
      timeoutMs: 10_000,
    });
    try {
      return await use(calls);
    } finally {
      calls.close();
    }
  },
  processes: cluster,
  [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
});
