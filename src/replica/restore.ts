import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { hex } from '../core/bytes.ts';
import { forgetCluster } from '../machine/index.ts';
import { currentRevision, keySpace, raiseRevision } from '../machine/key-space/index.ts';
import { MachineStore } from '../machine/machine-store.ts';
import type { Base } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { DataLock } from '../storage/data-lock.ts';
import { LmdbBackend } from '../storage/lmdb-backend.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import type { SnapshotHeader } from '../storage/snapshot.ts';
import { verifySnapshotFile } from '../storage/snapshot-file.ts';
import type { SnapshotSummary } from '../storage/snapshot-reader.ts';
import { takeDirectory } from './directory.ts';
import {
  type ClusterMember,
  clusterIdOf,
  initialConfiguration,
  initialMembersOf,
  memberIdOf,
} from './identity.ts';
import { type Manifest, manifestFormatVersion, writeManifest } from './manifest.ts';
import { diskTrouble, ReplicaError } from './replica-error.ts';

/**
 * By how much a restored cluster's revision is above that of the backup. Clients may have seen revisions of writes that
 * came after the backup; none of them may come again with another meaning.
 */
export const restoredRevisionStep = 1_000_000_000;

export interface RestoreOptions {
  /** As written by a backup. */
  readonly file: string;
  /** Of one member of the new cluster; made, and empty until now. */
  readonly dataDir: string;
  readonly name: string;
  /** All members of the new cluster; each is restored from the same file. */
  readonly cluster: readonly ClusterMember[];
  readonly clusterToken: string;
}

export interface Restored {
  readonly clusterId: bigint;
  readonly revision: bigint;
  readonly pairs: number;
}

/**
 * Begins a new cluster with the key space of a backup: a new cluster id, so that it cannot be taken for the old one, and
 * a raised revision, below which all is compacted: whoever watched the old one has to read anew. Rejects with a `ReplicaError`; the directory is of no use then and should be removed.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<Restored> {
  if (!options.cluster.some(({ name }) => name === options.name)) {
    throw new ReplicaError(
      'CONFIGURATION',
      `--cluster does not list ${options.name}: add ${options.name}=host:port to it`,
    );
  }
  const lock = await takeDirectory(options.dataDir);
  try {
    await requireEmpty(options.dataDir, lock);
    return await begin(options);
  } finally {
    await lock.release();
  }
}

async function begin(options: RestoreOptions): Promise<Restored> {
  const disk = new NodeDisk(options.dataDir);
  const path = relative(resolve(options.dataDir), resolve(options.file));
  const summary = await finished<SnapshotSummary>('The backup', (done) =>
    verifySnapshotFile(disk, path, done),
  );
  const { header } = summary;
  if (header.machine !== keySpace.name) {
    throw new ReplicaError(
      'FOREIGN_DATA',
      `The backup is of the machine ${header.machine}; this program restores ${keySpace.name}.`,
    );
  }
  const manifest = manifestOf(options, header);
  const base: Base = { ...header.base, configuration: initialConfiguration(manifest.initialMembers) };
  const backend = await finished<StoreBackend>('The new state', (done) =>
    LmdbBackend.open({ disk, root: options.dataDir, directory: 'state', initial: base }, done),
  );
  await finished<void>('The new state', (done) => backend.install({ path, base }, done));
  forgetCluster(backend.store);
  const machineStore = new MachineStore(backend.store);
  raiseRevision(machineStore, restoredRevisionStep);
  const revision = currentRevision(machineStore);
  backend.applied(base);
  await finished<Base>('The new state', (done) => backend.flush(done));
  await finished<void>('The new state', (done) => backend.close(done));
  // Last: without it the directory is not taken for a replica's.
  await finished<void>('The manifest', (done) => writeManifest(disk, manifest, done));
  return { clusterId: manifest.clusterId, revision, pairs: summary.pairs };
}

function manifestOf({ name, cluster, clusterToken }: RestoreOptions, header: SnapshotHeader): Manifest {
  const origin = `${header.clusterId.toString(16)}/${header.base.position.index}/${hex(header.digest)}`;
  const clusterId = clusterIdOf(clusterToken, cluster, origin);
  return {
    formatVersion: manifestFormatVersion,
    clusterId,
    clusterToken,
    memberId: memberIdOf(clusterId, name),
    name,
    storageId: new Uint8Array(randomBytes(16)),
    starts: 0,
    protocol: header.protocol,
    machine: header.machine,
    phase: 'empty',
    rolledBack: false,
    initialMembers: initialMembersOf(clusterId, cluster),
    roster: new Map(),
  };
}

async function requireEmpty(path: string, lock: DataLock): Promise<void> {
  const others = (await readdir(path)).filter((name) => name !== basename(lock.path));
  if (others.length === 0) return;
  throw new ReplicaError(
    'FOREIGN_DATA',
    `${path} is not empty: nothing was changed. Restore into an empty directory.`,
  );
}

function finished<T>(
  what: string,
  start: (done: (error: Error | undefined, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === undefined) resolve(value as T);
      else reject(diskTrouble(what, error));
    });
  });
}
