import { assert } from '../core/assert.ts';
import { emptyBytes, equalBytes, utf8 } from '../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';

/** Versions of framing, handshake and host frames that this program speaks. Two replicas use the highest in common. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export const wireVersions: VersionRange = { min: 1, max: 1 };

/** What a replica says of itself, the same to everyone but for `knowsYou`. */
export interface Facts {
  readonly clusterId: bigint;
  readonly id: NodeId;
  readonly name: string;
  /** 16 random bytes, made with the data directory. */
  readonly storageId: Uint8Array;
  /** Rises with each start of this data directory, and is never the same for two. */
  readonly incarnation: number;
  /** `empty`: has never taken part in a decision, so a forgotten vote cannot be among what it does not remember. */
  readonly phase: 'empty' | 'member';
  /** Digest of the state that the first member began with; replicas with different ones must not agree on anything. */
  readonly baseDigest: Uint8Array;
  /** Whether a storage id is on record here for the replica that is spoken to; for links, also whether it is a member. */
  readonly knowsYou: boolean;
  /** host:port for peers. */
  readonly peerAddress: string;
  readonly clientAddresses: readonly string[];
  readonly protocol: string;
  /** Version of the protocol's messages and records. */
  readonly protocolVersion: number;
}

/**
 * `link`: messages. `probe`: an exchange of facts and no more. `bulk`: one long stream. `join`: an empty directory asks who
 * it is, by the peer address that it gives; it does not know its id nor the cluster's.
 */
export type Purpose = 'link' | 'probe' | 'bulk' | 'join';

/** Whoever does not know its id yet, and whoever it speaks to. */
export const strangerId: NodeId = nodeId(1);

/** The dialler's first frame. */
export interface Hello extends Facts {
  readonly versions: VersionRange;
  readonly to: NodeId;
  readonly purpose: Purpose;
}

/** The acceptor's answer. */
export interface Welcome extends Facts {
  readonly version: number;
  /** Who is spoken to; for `join`, who that is. */
  readonly to: NodeId;
  /** For `join`, the members that the cluster began with, as its configuration then; empty otherwise. */
  readonly initialMembers: Uint8Array;
}

const rejectCodes = [
  'wrongCluster',
  'wrongTarget',
  'duplicateName',
  'storageChanged',
  'versionRange',
  'unknownMember',
  'protocolMismatch',
  'notReady',
  'rolledBack',
  'busy',
  'malformed',
  'untrusted',
  'other',
  'removed',
] as const;

/** Why one replica will not speak with another. `other`: a code of a version after ours. */
export type RejectCode = (typeof rejectCodes)[number];

/** Said to the other side, and then the connection ends. The dialler tries again later, since every cause can heal. */
export interface Reject {
  readonly type: 'reject';
  readonly code: RejectCode;
  readonly text: string;
}

export type Verdict = { readonly type: 'accept' } | Reject;

export const reject = (code: RejectCode, text: string): Reject => ({ type: 'reject', code, text });

const magic = utf8('QUORATE\n');
const purposes: readonly Purpose[] = ['link', 'probe', 'bulk', 'join'];
export const storageIdBytes = 16;
const maxTextBytes = 1024;
const maxAddresses = 16;

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new Writer(256).raw(magic).u32(hello.versions.min).u32(hello.versions.max);
  writeFacts(writer, hello);
  return writer.uint(hello.to).u8(purposes.indexOf(hello.purpose)).finish();
}

export interface Greeting {
  readonly hello: Hello;
  readonly version: number;
}

/**
 * Reads a hello and agrees on a version. The magic and the range are read first and never move, so that versions without
 * anything in common can still tell each other so.
 */
export function decodeHello(bytes: Uint8Array, ours: VersionRange = wireVersions): Greeting | Reject {
  const greeting = decode(bytes, (reader): Greeting | Reject => {
    if (!equalBytes(reader.raw(magic.length), magic)) throw new Malformed('the magic is not ours');
    const versions = { min: reader.u32(), max: reader.u32() };
    const version = agree(versions, ours);
    if (version === undefined) {
      reader.raw(reader.remaining);
      return reject(
        'versionRange',
        `the dialling replica speaks wire versions ${range(versions)}, this one ${range(ours)}: upgrade the older one`,
      );
    }
    const facts = readFacts(reader);
    const to = readId(reader);
    const purpose = purposes[reader.u8()];
    if (purpose === undefined) throw new Malformed('unknown purpose');
    skipWhatLaterVersionsAdd(reader);
    return { hello: { ...facts, versions, to, purpose }, version };
  });
  return greeting instanceof Malformed
    ? reject('malformed', `unreadable hello: ${greeting.message}`)
    : greeting;
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  const writer = new Writer(256).raw(magic).u32(welcome.version);
  writeFacts(writer, welcome);
  writer.uint(welcome.to);
  if (welcome.initialMembers.length > 0) writer.bytes(welcome.initialMembers);
  return writer.finish();
}

export function decodeWelcome(bytes: Uint8Array, ours: VersionRange = wireVersions): Welcome | Reject {
  const welcome = decode(bytes, (reader): Welcome => {
    if (!equalBytes(reader.raw(magic.length), magic)) throw new Malformed('the magic is not ours');
    const version = reader.u32();
    if (version < ours.min || version > ours.max) throw new Malformed(`version ${version} was not offered`);
    const facts = readFacts(reader);
    const to = readId(reader);
    const initialMembers = reader.remaining > 0 ? reader.bytes().slice() : emptyBytes;
    skipWhatLaterVersionsAdd(reader);
    return { ...facts, version, to, initialMembers };
  });
  return welcome instanceof Malformed
    ? reject('malformed', `unreadable welcome: ${welcome.message}`)
    : welcome;
}

/** The layout of a reject never changes: it is what versions that share nothing else understand. */
export function encodeReject({ code, text }: Reject): Uint8Array {
  return new Writer().u8(rejectCodes.indexOf(code)).string(shortened(text)).finish();
}

export function decodeReject(bytes: Uint8Array): Reject {
  const rejected = decode(bytes, (reader) => {
    const code = rejectCodes[reader.u8()] ?? 'other';
    const text = reader.string();
    skipWhatLaterVersionsAdd(reader);
    return reject(code, shortened(text));
  });
  return rejected instanceof Malformed
    ? reject('malformed', `unreadable reject: ${rejected.message}`)
    : rejected;
}

/**
 * What both sides refuse whatever their host thinks: another cluster, an address that leads to somebody else, a protocol
 * that is not ours.
 */
export function checkFacts(self: Facts, other: Facts & { readonly to: NodeId }): Verdict {
  if (other.clusterId !== self.clusterId) {
    return reject(
      'wrongCluster',
      `replica ${described(other)} belongs to cluster ${id64(other.clusterId)}, replica ${described(self)} to cluster ${id64(self.clusterId)}: check --cluster and --cluster-token`,
    );
  }
  if (other.to !== self.id) {
    return reject(
      'wrongTarget',
      `replica ${described(other)} looks for member ${other.to} and found ${described(self)}: check the peer addresses`,
    );
  }
  if (other.protocol !== self.protocol || other.protocolVersion !== self.protocolVersion) {
    return reject(
      'protocolMismatch',
      `replica ${described(other)} runs ${other.protocol} version ${other.protocolVersion}, replica ${described(self)} runs ${self.protocol} version ${self.protocolVersion}`,
    );
  }
  if (other.id === self.id) {
    return reject('duplicateName', `two replicas run as ${described(self)}: stop one of them`);
  }
  return { type: 'accept' };
}

function agree(theirs: VersionRange, ours: VersionRange): number | undefined {
  const highest = Math.min(theirs.max, ours.max);
  return highest >= Math.max(theirs.min, ours.min) ? highest : undefined;
}

function writeFacts(writer: Writer, facts: Facts): void {
  assert(facts.storageId.length === storageIdBytes, 'a storage id has 16 bytes');
  writer
    .u64(facts.clusterId)
    .uint(facts.id)
    .string(facts.name)
    .raw(facts.storageId)
    .uint(facts.incarnation)
    .bool(facts.phase === 'member')
    .bytes(facts.baseDigest)
    .bool(facts.knowsYou)
    .string(facts.peerAddress)
    .uint(facts.clientAddresses.length);
  for (const address of facts.clientAddresses) writer.string(address);
  writer.string(facts.protocol).uint(facts.protocolVersion);
}

function readFacts(reader: Reader): Facts {
  return {
    clusterId: reader.u64(),
    id: readId(reader),
    name: readText(reader),
    storageId: reader.raw(storageIdBytes).slice(),
    incarnation: reader.uint(),
    phase: reader.bool() ? 'member' : 'empty',
    baseDigest: reader.bytes().slice(),
    knowsYou: reader.bool(),
    peerAddress: readText(reader),
    clientAddresses: readAddresses(reader),
    protocol: readText(reader),
    protocolVersion: reader.uint(),
  };
}

function readId(reader: Reader): NodeId {
  const id = reader.uint();
  if (id === 0) throw new Malformed('member id 0');
  return nodeId(id);
}

function readAddresses(reader: Reader): string[] {
  const count = reader.count(1);
  if (count > maxAddresses) throw new Malformed(`${count} addresses`);
  return Array.from({ length: count }, () => readText(reader));
}

function readText(reader: Reader): string {
  const text = reader.string();
  if (text.length > maxTextBytes) throw new Malformed(`a text of ${text.length} characters`);
  return text;
}

function skipWhatLaterVersionsAdd(reader: Reader): void {
  reader.raw(reader.remaining);
}

const shortened = (text: string): string => text.slice(0, maxTextBytes);
const range = ({ min, max }: VersionRange): string => (min === max ? `${min}` : `${min} to ${max}`);
const described = (facts: Facts): string => `${facts.name || 'without a name'} (${facts.id})`;
const id64 = (id: bigint): string => id.toString(16).padStart(16, '0');
