import { fromHex, hex, utf8, utf8Text } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { lostDirectoryAdvice } from '../storage/advice.ts';
import type { Callback, Disk } from '../storage/disk.ts';
import { DiskError } from '../storage/disk.ts';

/**
 * Who a data directory is: written once at its creation, then changed only by what must be remembered before anything
 * else happens (a start, the storage ids of the others). Replaced atomically; readable by people.
 */
export interface Manifest {
  readonly formatVersion: number;
  readonly clusterId: bigint;
  readonly clusterToken: string;
  readonly memberId: NodeId;
  readonly name: string;
  /** 16 random bytes: tells this directory from any other under the same name. */
  readonly storageId: Uint8Array;
  /** Starts of this directory so far. */
  readonly starts: number;
  readonly protocol: string;
  readonly machine: string;
  /** `empty` until all initial members are known to be so too, or know this directory: it must not vote before. */
  readonly phase: 'empty' | 'member';
  /** A member has found this directory to be an older copy of itself: it must never take part again. */
  readonly rolledBack: boolean;
  readonly initialMembers: readonly InitialMember[];
  /** What is known of members; a directory with another storage id, or with less of a past, is not that member. */
  readonly roster: Roster;
}

export type Roster = ReadonlyMap<NodeId, KnownMember>;

export interface KnownMember {
  readonly storageId: Uint8Array;
  /** Of its latest start that was heard of; see `startNumber`. */
  readonly incarnation: number;
}

export interface InitialMember {
  readonly id: NodeId;
  readonly name: string;
  readonly address: string;
}

export const manifestFormatVersion = 1;
const path = 'manifest.json';
const temporaryPath = 'manifest.json.new';
/** Far above what the largest cluster needs; bounds what a wrong file can make us read. */
const maxManifestBytes = 1 << 20;

/** Undefined when the directory has none yet; a `DiskError` of kind `damaged` when it has one that is damaged. */
export function readManifest(disk: Disk, callback: Callback<Manifest | undefined>): void {
  disk.open(path, 'read', (openError, file) => {
    if (openError !== undefined) {
      if (openError.kind === 'missing') callback(undefined, undefined);
      else callback(openError, undefined);
      return;
    }
    file.read(0, maxManifestBytes, (readError, bytes) => {
      file.close(() => {
        if (readError !== undefined) return callback(readError, undefined);
        const manifest = decodeManifest(bytes);
        if (typeof manifest !== 'string') return callback(undefined, manifest);
        callback(
          new DiskError(
            'damaged',
            path,
            `${path} is damaged (${manifest}): it is not known whose directory this is, so it must not take part. Put the ` +
              `file back from a copy of this very directory. If there is none: ${lostDirectoryAdvice}`,
          ),
          undefined,
        );
      });
    });
  });
}

/** Durable, whole, when it calls back without an error. */
export function writeManifest(disk: Disk, manifest: Manifest, callback: Callback<void>): void {
  disk.remove(temporaryPath, (removeError) => {
    if (removeError !== undefined && removeError.kind !== 'missing') return callback(removeError);
    disk.open(temporaryPath, 'create', (openError, file) => {
      if (openError !== undefined) return callback(openError);
      file.write(0, [encodeManifest(manifest)], (writeError) => {
        if (writeError !== undefined) return file.close(() => callback(writeError));
        file.sync((syncError) => {
          file.close(() => {
            if (syncError !== undefined) return callback(syncError);
            disk.rename(temporaryPath, path, (renameError) => {
              if (renameError !== undefined) return callback(renameError);
              disk.syncDirectory('', callback);
            });
          });
        });
      });
    });
  });
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const body = JSON.stringify({
    formatVersion: manifest.formatVersion,
    clusterId: manifest.clusterId.toString(16),
    clusterToken: manifest.clusterToken,
    memberId: manifest.memberId.toString(16),
    name: manifest.name,
    storageId: hex(manifest.storageId),
    starts: manifest.starts,
    protocol: manifest.protocol,
    machine: manifest.machine,
    phase: manifest.phase,
    rolledBack: manifest.rolledBack,
    initialMembers: manifest.initialMembers.map((member) => ({ ...member, id: member.id.toString(16) })),
    roster: Object.fromEntries(
      [...manifest.roster].map(([id, { storageId, incarnation }]) => [
        id.toString(16),
        { storageId: hex(storageId), incarnation },
      ]),
    ),
  });
  return utf8(`${body}\n${crc32c(utf8(body)).toString(16).padStart(8, '0')}\n`);
}

/** The manifest, or what is wrong with the bytes. */
export function decodeManifest(bytes: Uint8Array): Manifest | string {
  let text: string;
  try {
    text = utf8Text(bytes);
  } catch {
    return 'not UTF-8';
  }
  const [body, checksum] = text.split('\n');
  if (body === undefined || checksum === undefined) return 'cut short';
  if (crc32c(utf8(body)).toString(16).padStart(8, '0') !== checksum) return 'checksum does not match';
  const fields = JSON.parse(body) as Record<string, unknown>;
  if (fields['formatVersion'] !== manifestFormatVersion) {
    return `format version ${String(fields['formatVersion'])}; this program reads ${manifestFormatVersion}`;
  }
  return fromFields(fields as unknown as ManifestFields);
}

/** The file's JSON. Behind a matching checksum and format version it was written by `encodeManifest`. */
interface ManifestFields {
  formatVersion: number;
  clusterId: string;
  clusterToken: string;
  memberId: string;
  name: string;
  storageId: string;
  starts: number;
  protocol: string;
  machine: string;
  phase: 'empty' | 'member';
  rolledBack: boolean;
  initialMembers: { id: string; name: string; address: string }[];
  roster: Record<string, { storageId: string; incarnation: number }>;
}

function fromFields(fields: ManifestFields): Manifest | string {
  const storageId = fromHex(fields.storageId);
  if (storageId === undefined) return 'storage id is not hexadecimal';
  const roster = new Map<NodeId, KnownMember>();
  for (const [id, known] of Object.entries(fields.roster)) {
    const other = fromHex(known.storageId);
    if (other === undefined) return 'a storage id in the roster is not hexadecimal';
    roster.set(nodeId(Number.parseInt(id, 16)), { storageId: other, incarnation: known.incarnation });
  }
  return {
    ...fields,
    clusterId: BigInt(`0x${fields.clusterId}`),
    memberId: nodeId(Number.parseInt(fields.memberId, 16)),
    storageId,
    initialMembers: fields.initialMembers.map((member) => ({
      ...member,
      id: nodeId(Number.parseInt(member.id, 16)),
    })),
    roster,
  };
}
