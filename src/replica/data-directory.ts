import { lostDirectoryAdvice } from '../storage/advice.ts';
import { sequenceOf } from '../storage/segment.ts';
import { clusterIdOf, initialMembersOf, memberIdOf } from './identity.ts';
import { findPlace } from './join.ts';
import { type Manifest, manifestFormatVersion, readManifest, writeManifest } from './manifest.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { diskTrouble, ReplicaError, rolledBackText } from './replica-error.ts';

type ManifestCallback = (
  ...outcome: [error: ReplicaError, manifest: undefined] | [error: undefined, manifest: Manifest]
) => void;

/** Opens or creates the identity of a data directory and counts this start, durably. */
export function openManifest(options: ReplicaCoreOptions, callback: ManifestCallback): void {
  readManifest(options.disk, (readError, found) => {
    if (readError !== undefined) {
      const code = readError.kind === 'damaged' ? 'DAMAGED' : 'DISK';
      return callback(new ReplicaError(code, readError.message, { cause: readError }), undefined);
    }
    if (found !== undefined) {
      const mismatch = mismatchOf(found, options);
      if (mismatch !== undefined) return callback(mismatch, undefined);
      if (found.rolledBack) {
        const text = 'a member has found it to be an older copy of itself';
        return callback(new ReplicaError('ROLLED_BACK', rolledBackText(text)), undefined);
      }
      warnAboutOtherCluster(found, options);
      return checkJournal(found, options, (error) => {
        if (error !== undefined) callback(error, undefined);
        else write(options, { ...found, starts: found.starts + 1 }, callback);
      });
    }
    // Data without a manifest is a directory that has lost its identity, not an empty one.
    options.disk.list('', (listError, names) => {
      if (listError === undefined && names.some((name) => name === 'journal' || name === 'state')) {
        return callback(
          new ReplicaError(
            'DAMAGED',
            'The data directory holds data but no manifest.json, so it is not known whose it is. Put the file back from a ' +
              `copy of this very directory. If there is none: ${lostDirectoryAdvice}`,
          ),
          undefined,
        );
      }
      const created = newManifest(options);
      if (created instanceof ReplicaError) callback(created, undefined);
      else if (options.joins === true) join(options, created, callback);
      else write(options, created, callback);
    });
  });
}

/**
 * A directory has a durable segment before it is admitted, and never fewer: a member without one has lost its votes and
 * entries, and would promise anew what it promised otherwise before.
 */
function checkJournal(
  { phase, name }: Manifest,
  { disk }: ReplicaCoreOptions,
  callback: (error?: ReplicaError) => void,
): void {
  if (phase === 'empty') return callback();
  disk.list('journal', (error, names) => {
    if (error !== undefined && error.kind !== 'missing') return callback(diskTrouble('The journal', error));
    if (names?.some((file) => sequenceOf(file) !== undefined) === true) return callback();
    callback(
      new ReplicaError(
        'DAMAGED',
        `The journal of ${name} is gone, and with it what this replica promised to the others, so it must not go on. ` +
          `Put the files back if they were moved; an older copy will not do. If they are lost: ${lostDirectoryAdvice}`,
      ),
    );
  });
}

function write(options: ReplicaCoreOptions, manifest: Manifest, callback: ManifestCallback): void {
  writeManifest(options.disk, manifest, (error) => {
    if (error === undefined) callback(undefined, manifest);
    else
      callback(
        new ReplicaError('DISK', `The data directory cannot be written: ${error.message}`, { cause: error }),
        undefined,
      );
  });
}

/** The cluster says who this directory is; it begins where the cluster began. */
function join(options: ReplicaCoreOptions, created: Manifest, callback: ManifestCallback): void {
  findPlace(options, created.storageId, (error, place) => {
    if (error !== undefined) callback(error, undefined);
    else write(options, { ...created, ...place }, callback);
  });
}

function newManifest(options: ReplicaCoreOptions): Manifest | ReplicaError {
  const { name, cluster, clusterToken } = options;
  if (!cluster.some((member) => member.name === name)) {
    return new ReplicaError(
      'CONFIGURATION',
      `--cluster does not list this replica, ${name}: add ${name}=host:port to it`,
    );
  }
  if (new Set(cluster.map((member) => member.name)).size < cluster.length) {
    return new ReplicaError('CONFIGURATION', '--cluster lists a name twice: each replica needs its own');
  }
  if (new Set(cluster.map((member) => member.address)).size < cluster.length) {
    return new ReplicaError('CONFIGURATION', '--cluster lists an address twice: each replica needs its own');
  }
  const clusterId = clusterIdOf(clusterToken, cluster, '');
  return {
    formatVersion: manifestFormatVersion,
    clusterId,
    clusterToken,
    memberId: memberIdOf(clusterId, name),
    name,
    storageId: options.random.stream('storage id').bytes(16),
    starts: 1,
    protocol: options.definition.name,
    machine: options.machine.name,
    phase: 'empty',
    rolledBack: false,
    initialMembers: initialMembersOf(clusterId, cluster),
    roster: new Map(),
  };
}

function mismatchOf(manifest: Manifest, options: ReplicaCoreOptions): ReplicaError | undefined {
  const differs = (what: string, ours: string, given: string, advice: string) =>
    ours === given
      ? undefined
      : new ReplicaError(
          'FOREIGN_DATA',
          `The data directory belongs to ${what} ${ours}, not ${given}. Nothing was changed. ${advice}`,
        );
  return (
    differs(
      'the replica',
      manifest.name,
      options.name,
      `Start it with --name ${manifest.name}, or use another directory.`,
    ) ??
    differs(
      'the cluster with the token',
      JSON.stringify(manifest.clusterToken),
      JSON.stringify(options.clusterToken),
      'Use the directory of this cluster, or an empty one.',
    ) ??
    differs(
      'the protocol',
      manifest.protocol,
      options.definition.name,
      'A cluster keeps the protocol that it began with: to change it, back up and restore into a new cluster.',
    ) ??
    differs('the machine', manifest.machine, options.machine.name, 'Open it with the machine that wrote it.')
  );
}

function warnAboutOtherCluster(manifest: Manifest, options: ReplicaCoreOptions): void {
  if (options.cluster.length === 0) return;
  // Who was added later began with a list of its own time: there is nothing here to hold another one against.
  if (!manifest.initialMembers.some(({ id }) => id === manifest.memberId)) return;
  const listed = (members: readonly { readonly name: string; readonly address: string }[]) =>
    members
      .map(({ name, address }) => `${name}=${address}`)
      .sort()
      .join(',');
  if (listed(options.cluster) === listed(manifest.initialMembers)) return;
  options.observer.log('warn', '--cluster differs from what this data directory began with and is not used', {
    given: listed(options.cluster),
    used: listed(manifest.initialMembers),
  });
}
