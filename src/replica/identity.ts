import { type NodeId, nodeId } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import { type Configuration, votersOnly } from '../protocol/index.ts';
import type { InitialMember } from './manifest.ts';

export interface ClusterMember {
  readonly name: string;
  /** host:port of the peer port. */
  readonly address: string;
}

/**
 * The cluster's id: the same for all who are given the same token and initial members in any order, and different from
 * any other cluster's. `origin` tells a cluster restored from a snapshot from the one that the snapshot was taken of.
 */
export function clusterIdOf(token: string, cluster: readonly ClusterMember[], origin: string): bigint {
  const members = [...cluster].sort((a, b) => (a.name < b.name ? -1 : 1));
  const described = members.map((member) => `${member.name}=${member.address}`).join(',');
  const draw = Random.fromSeed(JSON.stringify(['cluster', token, described, origin]));
  return (BigInt(draw.uint32()) << 32n) | BigInt((draw.uint32() | 1) >>> 0);
}

/** Room for the random part of an incarnation. */
const incarnationTail = 2 ** 20;

/**
 * The incarnation of a start: rises with the count of starts, and has a random tail, so that a directory that was rolled
 * back to an older copy, and counts the same start again, is not taken for the one that it was.
 */
export const incarnationOf = (starts: number, random: Random): number =>
  starts * incarnationTail + random.below(incarnationTail);

/** Whether a start is one that the start `latest` of the same directory rules out: the directory was rolled back. */
export function isRolledBack(incarnation: number, latest: number): boolean {
  if (incarnation === latest) return false;
  return Math.floor(incarnation / incarnationTail) <= Math.floor(latest / incarnationTail);
}

/** A member's id: from its cluster and name, so that all initial members agree on it without talking. */
export function memberIdOf(clusterId: bigint, name: string): NodeId {
  const draw = Random.fromSeed(JSON.stringify(['member', clusterId.toString(16), name]));
  return nodeId(draw.below(1 << 20) * 2 ** 32 + ((draw.uint32() | 1) >>> 0));
}

export function initialMembersOf(clusterId: bigint, cluster: readonly ClusterMember[]): InitialMember[] {
  return cluster
    .map((member) => ({ id: memberIdOf(clusterId, member.name), name: member.name, address: member.address }))
    .sort((a, b) => a.id - b.id);
}

/** The configuration that a cluster begins with. */
export function initialConfiguration(members: readonly InitialMember[]): Configuration {
  return votersOnly(
    members.map((member) => ({ ...member, storageId: new Uint8Array(0), publicKey: new Uint8Array(0) })),
  );
}
