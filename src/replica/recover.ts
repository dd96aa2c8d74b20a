import { randomBytes } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { access, cp, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Malformed } from '../core/codec.ts';
import { keySpace } from '../machine/key-space/index.ts';
import {
  type CommittedEntry,
  type Configuration,
  decodeConfiguration,
  type Member,
  type ProtocolDefinition,
} from '../protocol/index.ts';
import { findProtocol } from '../protocols/registry.ts';
import type { DataLock } from '../storage/data-lock.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import type { Connection, ConnectionHandlers, ListenCallback, Network } from '../transport/network.ts';
import { takeDirectory } from './directory.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { Replica } from './replica.ts';
import { diskTrouble, ReplicaError } from './replica-error.ts';
import { type Restored, restoreSnapshot } from './restore.ts';

export interface RecoveryOptions {
  /** Of a replica that does not run; it is read, and not changed. */
  readonly dataDir: string;
  /** Of the new cluster's only member; made, and empty until now. */
  readonly newDataDir: string;
}

/** What a data directory holds, to be compared with what the other survivors hold. */
export interface Recoverable {
  readonly name: string;
  /** host:port of its peer port. */
  readonly address: string;
  readonly clusterToken: string;
  readonly clusterId: bigint;
  /** Where its log ends: the greater epoch, then the greater index, knows more. */
  readonly epoch: number;
  readonly index: number;
  /** Who the other members are. */
  readonly others: readonly string[];
}

/** Replaying a log that is as long as it can get takes less, on any disk that a replica can run on. */
const replayMs = 600_000;

/**
 * Makes a cluster of one member from a data directory, after the quorum of its cluster is lost for good. All that its log
 * holds counts as agreed. Everything happens in copies beside `newDataDir`, until `begin` makes that. Close it in any case.
 * Rejects with a `ReplicaError`.
 */
export class Recovery implements AsyncDisposable {
  readonly found: Recoverable;
  readonly #options: RecoveryOptions;
  readonly #work: string;
  readonly #lock: DataLock;

  static async prepare(options: RecoveryOptions): Promise<Recovery> {
    const { dataDir, newDataDir } = options;
    const manifest = await manifestOf(dataDir);
    await requireNewPlace(newDataDir);
    const lock = await takeDirectory(dataDir);
    const work = `${newDataDir}.${randomBytes(4).toString('hex')}.recovering`;
    try {
      await copyDirectory(dataDir, join(work, 'data'));
      const found = await replay(manifest, work);
      return new Recovery(options, work, lock, found);
    } catch (error) {
      await rm(work, { recursive: true, force: true });
      await lock.release();
      throw error;
    }
  }

  private constructor(options: RecoveryOptions, work: string, lock: DataLock, found: Recoverable) {
    this.#options = options;
    this.#work = work;
    this.#lock = lock;
    this.found = found;
  }

  /** Makes the new data directory, with a new cluster id and revisions far above the old ones. */
  begin(): Promise<Restored> {
    const { name, address, clusterToken } = this.found;
    return restoreSnapshot({
      file: snapshotOf(this.#work),
      dataDir: this.#options.newDataDir,
      name,
      cluster: [{ name, address }],
      clusterToken,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#work, { recursive: true, force: true });
    await this.#lock.release();
  }
}

const snapshotOf = (work: string): string => join(work, 'state.snapshot');

async function manifestOf(dataDir: string): Promise<Manifest> {
  const manifest = await new Promise<Manifest | undefined>((resolve, reject) => {
    readManifest(new NodeDisk(dataDir), (error, found) => {
      if (error === undefined) resolve(found);
      else reject(diskTrouble('The manifest', error));
    });
  });
  if (manifest === undefined) {
    throw new ReplicaError('FOREIGN_DATA', `${dataDir} is not the data directory of a replica.`);
  }
  if (manifest.phase === 'empty') {
    throw new ReplicaError(
      'FOREIGN_DATA',
      `${manifest.name} has never taken part, so nothing was agreed on in ${dataDir}. There is nothing to recover: start it, or restore its backup anew.`,
    );
  }
  if (manifest.machine !== keySpace.name) {
    throw new ReplicaError(
      'FOREIGN_DATA',
      `${dataDir} is of the machine ${manifest.machine}; this program recovers ${keySpace.name}.`,
    );
  }
  return manifest;
}

/** What can be told before anything is copied. */
async function requireNewPlace(path: string): Promise<void> {
  const usable = (place: string, mode: number): Promise<boolean> =>
    access(place, mode).then(
      () => true,
      () => false,
    );
  if (await usable(path, constants.F_OK)) {
    throw new ReplicaError('FOREIGN_DATA', `${path} is there already: name a directory that is not.`);
  }
  const parent = dirname(path);
  if (!(await usable(parent, constants.W_OK | constants.X_OK))) {
    throw new ReplicaError(
      'DISK',
      `${path} cannot be made: ${parent} is no directory that can be written to. Nothing was done.`,
    );
  }
}

async function copyDirectory(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { mode: 0o700 });
    await cp(from, to, { recursive: true, filter: (path) => !isLock(basename(path)) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ReplicaError('DISK', `${from} cannot be copied to ${to}: ${message}`, { cause: error });
  }
}

/** Ours, and that of LMDB: they say who uses the directory that was copied. */
const isLock = (name: string): boolean => /^lock(\.|$)|-lock$/.test(name);

/** Runs the copy as the only member until it has applied its log, and writes what it then holds. */
async function replay(manifest: Manifest, work: string): Promise<Recoverable> {
  let halted: ReplicaError | undefined;
  const end = new LogEnd();
  const replica = await Replica.open({
    machine: keySpace,
    dataDir: join(work, 'data'),
    protocol: alone(manifest.protocol),
    name: manifest.name,
    cluster: [],
    clusterToken: manifest.clusterToken,
    peerAddress: '127.0.0.1:0',
    network: nowhere,
    observer: { log: () => undefined, applied: (entry) => end.applied(entry) },
    halted: (error) => {
      halted = error;
    },
  });
  try {
    const atStart = replica.status().configuration;
    const read = (await replica.ready(replayMs)) ? await replica.read('linearizable', replayMs) : undefined;
    if (read?.type !== 'readable') {
      throw halted ?? new ReplicaError('DAMAGED', 'the log of this directory could not be applied in time');
    }
    await pipeline(Readable.from(replica.snapshot()), createWriteStream(snapshotOf(work), { mode: 0o600 }));
    const { memberId, clusterId, configuration } = replica.status();
    const self = configuration.members.find((member: Member) => member.id === memberId);
    const { name, clusterToken } = manifest;
    const others = (end.configuration ?? atStart).members.map((member) => member.name);
    return {
      name,
      address: self?.address ?? '',
      clusterToken,
      clusterId,
      ...end.found,
      others: others.filter((other) => other !== name),
    };
  } finally {
    await replica.close();
  }
}

/** Where the log ended, and who belonged to the cluster, before this replica was made the only member. */
class LogEnd {
  #last: CommittedEntry | undefined;
  #found = { epoch: 0, index: 0 };
  /** The one in force, and the one before that. */
  #configurations: Configuration[] = [];

  get found(): { readonly epoch: number; readonly index: number } {
    return this.#found;
  }

  /** Who belonged to the cluster; undefined when the log does not tell. */
  get configuration(): Configuration | undefined {
    return this.#configurations.length < 2 ? undefined : this.#configurations[0];
  }

  /** The newest epoch begins behind the entry that says who is left, which is in the epoch of what is before it. */
  applied(entry: CommittedEntry): void {
    const last = this.#last;
    if (last !== undefined && entry.epoch > last.epoch) {
      this.#found = { epoch: last.epoch, index: last.index - 1 };
    }
    this.#last = entry;
    const configuration = entry.kind === 'configuration' ? decodeConfiguration(entry.payload) : undefined;
    if (configuration !== undefined && !(configuration instanceof Malformed))
      this.#configurations = [...this.#configurations.slice(-1), configuration];
  }
}

function alone(protocol: string): ProtocolDefinition {
  const definition = findProtocol(protocol);
  if (definition === undefined) {
    throw new ReplicaError('FOREIGN_DATA', `This program does not know the protocol ${protocol}.`);
  }
  return { ...definition, create: (options) => definition.create({ ...options, alone: true }) };
}

/** The members of the old cluster, should there be any, must hear nothing of this. */
const nowhere: Network = {
  listen(address: string, _onConnection: unknown, callback: ListenCallback): void {
    queueMicrotask(() => callback(undefined, { address, close: () => undefined }));
  },
  connect(remote: string, handlers: ConnectionHandlers): Connection {
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      handlers.close('there is no network');
    };
    queueMicrotask(close);
    return {
      remote,
      handlers,
      write: () => true,
      pause: () => undefined,
      resume: () => undefined,
      end: () => undefined,
      destroy: () => undefined,
    };
  },
};
