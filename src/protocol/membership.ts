import { Malformed, type Reader, type Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';

/** A replica as the others know it. */
export interface Member {
  readonly id: NodeId;
  readonly name: string;
  /** host:port of its peer port. */
  readonly address: string;
  /** For protocols that sign; empty otherwise. */
  readonly publicKey: Uint8Array;
}

/**
 * Who takes part. With `outgoing` not empty the configuration is joint: every decision needs a quorum of `voters` and
 * one of `outgoing`. `members` describes every id named, and is ordered by id.
 */
export interface Configuration {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  /** Receive everything, count for nothing. */
  readonly learners: readonly NodeId[];
  readonly members: readonly Member[];
}

/** The configuration in which exactly `members` vote. */
export function votersOnly(members: readonly Member[]): Configuration {
  const ordered = [...members].sort((a, b) => a.id - b.id);
  return { voters: ordered.map((member) => member.id), outgoing: [], learners: [], members: ordered };
}

export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

export function writeConfiguration(writer: Writer, configuration: Configuration): void {
  writer.uint(configuration.members.length);
  for (const member of configuration.members) {
    writer.uint(member.id).string(member.name).string(member.address).bytes(member.publicKey);
  }
  for (const ids of [configuration.voters, configuration.outgoing, configuration.learners]) {
    writer.uint(ids.length);
    for (const id of ids) writer.uint(id);
  }
}

export function readConfiguration(reader: Reader): Configuration {
  const members: Member[] = [];
  for (let count = reader.count(4); count > 0; count--) {
    members.push({
      id: nodeId(reader.uint()),
      name: reader.string(),
      address: reader.string(),
      publicKey: reader.bytes(),
    });
  }
  const known = new Set(members.map((member) => member.id));
  const ids = (): NodeId[] => {
    const list: NodeId[] = [];
    for (let count = reader.count(1); count > 0; count--) {
      const id = nodeId(reader.uint());
      if (!known.has(id)) throw new Malformed(`configuration names the unknown member ${id}`);
      list.push(id);
    }
    return list;
  };
  return { voters: ids(), outgoing: ids(), learners: ids(), members };
}
