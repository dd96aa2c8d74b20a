import { equalBytes } from '../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';

/** A replica as the others know it. */
export interface Member {
  readonly id: NodeId;
  /** Empty until a member that was added has started. */
  readonly name: string;
  /** host:port of its peer port. */
  readonly address: string;
  /**
   * The data directory of a member that was added, known since its first start: another one under its id is somebody else.
   * Empty before that, and for initial members, whose directories the others remember by themselves.
   */
  readonly storageId: Uint8Array;
  /** For protocols that sign; empty otherwise. */
  readonly publicKey: Uint8Array;
}

/**
 * Who takes part. With `outgoing` not empty the configuration is joint: every decision needs a quorum of `voters` and
 * one of `outgoing`. `members` describes every id named but `removed`, and is ordered by id.
 */
export interface Configuration {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  /** Receive everything, count for nothing. */
  readonly learners: readonly NodeId[];
  /** Those of the learners that become voters by themselves, as soon as they have caught up. */
  readonly promoting: readonly NodeId[];
  readonly members: readonly Member[];
  /** Took part once and never will again: an id that comes back could promise anew what it promised otherwise before. */
  readonly removed: readonly NodeId[];
}

/** The configuration in which exactly `members` vote. */
export function votersOnly(members: readonly Member[]): Configuration {
  const ordered = [...members].sort((a, b) => a.id - b.id);
  return { ...nobody, voters: ordered.map((member) => member.id), members: ordered };
}

export const nobody: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  promoting: [],
  members: [],
  removed: [],
};

export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

export const isJoint = (configuration: Configuration): boolean => configuration.outgoing.length > 0;

export function memberOf(configuration: Configuration, id: NodeId): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

export function sameConfiguration(one: Configuration, other: Configuration): boolean {
  return one === other || equalBytes(encodeConfiguration(one), encodeConfiguration(other));
}

/** The payload of an entry of kind `configuration`. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new Writer(256);
  writeConfiguration(writer, configuration);
  return writer.finish();
}

export const decodeConfiguration = (bytes: Uint8Array): Configuration | Malformed =>
  decode(bytes, readConfiguration);

/** No configuration has so many members: what follows is the form that knows of changes. */
const changedForm = 2 ** 32;

/** A configuration that never changed is written as it was before there were changes, so that older programs read it. */
export function writeConfiguration(writer: Writer, configuration: Configuration): void {
  const { members, promoting, removed } = configuration;
  const changed =
    promoting.length > 0 || removed.length > 0 || members.some(({ storageId }) => storageId.length > 0);
  if (changed) writer.uint(changedForm);
  writer.uint(members.length);
  for (const member of members) {
    writer.uint(member.id).string(member.name).string(member.address).bytes(member.publicKey);
    if (changed) writer.bytes(member.storageId);
  }
  writeIds(writer, configuration.voters);
  writeIds(writer, configuration.outgoing);
  writeIds(writer, configuration.learners);
  if (!changed) return;
  writeIds(writer, promoting);
  writeIds(writer, removed);
}

function writeIds(writer: Writer, ids: readonly NodeId[]): void {
  writer.uint(ids.length);
  for (const id of ids) writer.uint(id);
}

export function readConfiguration(reader: Reader): Configuration {
  let count = reader.uint();
  const changed = count === changedForm;
  if (changed) count = reader.uint();
  const members: Member[] = [];
  for (; count > 0; count--) members.push(readMember(reader, changed));
  const known = new Set(members.map((member) => member.id));
  const voters = readIds(reader, known);
  const outgoing = readIds(reader, known);
  const learners = readIds(reader, known);
  const promoting = changed ? readIds(reader, new Set(learners)) : [];
  const removed = changed ? readIds(reader) : [];
  for (const id of removed) if (known.has(id)) throw new Malformed(`member ${id} was removed`);
  return { voters, outgoing, learners, promoting, members, removed };
}

/** Every member takes bytes, so a wrong count ends with them. */
function readMember(reader: Reader, changed: boolean): Member {
  return {
    id: nodeId(reader.uint()),
    name: reader.string(),
    address: reader.string(),
    publicKey: reader.bytes(),
    storageId: changed ? reader.bytes() : new Uint8Array(0),
  };
}

function readIds(reader: Reader, known?: ReadonlySet<NodeId>): NodeId[] {
  const list: NodeId[] = [];
  for (let count = reader.count(1); count > 0; count--) {
    const id = nodeId(reader.uint());
    if (known?.has(id) === false) throw new Malformed(`configuration names the unknown member ${id}`);
    list.push(id);
  }
  return list;
}
