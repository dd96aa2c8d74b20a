import { assertNever } from '../core/assert.ts';
import { equalBytes } from '../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { maxLearners, maxReplicasEver } from '../core/limits.ts';
import { majorityOf } from '../quorum/index.ts';
import { type Configuration, isJoint, isVoter, type Member, memberOf } from './membership.ts';

/** Changes of membership. Every member begins as a learner: a voter that holds nothing yet could only stop the others. */
export type Reconfiguration =
  | {
      /** With `promote` it becomes a voter by itself when it has caught up. */
      readonly type: 'addLearner';
      readonly id: NodeId;
      readonly address: string;
      readonly promote: boolean;
    }
  /** A member that was added has started, in this data directory. */
  | {
      readonly type: 'identify';
      readonly id: NodeId;
      readonly name: string;
      readonly storageId: Uint8Array;
    }
  | { readonly type: 'promote'; readonly id: NodeId }
  | { readonly type: 'remove'; readonly id: NodeId }
  | { readonly type: 'update'; readonly id: NodeId; readonly address: string }
  /** Several at once, by way of a joint configuration: `promote` are learners that have caught up. */
  | { readonly type: 'exchange'; readonly promote: readonly NodeId[]; readonly remove: readonly NodeId[] };

/** Why a change of membership was not taken; nothing happened. `reconfiguring`: not now, since another is under way. */
export const reconfigurationRefusals = [
  'reconfiguring',
  'memberNotFound',
  'memberExists',
  'addressExists',
  'notLearner',
  'notInSync',
  'tooManyLearners',
  'tooManyMembers',
  'notEnoughStarted',
  'unhealthy',
] as const;
export type ReconfigurationRefusal = (typeof reconfigurationRefusals)[number];

/** What `configuration`, which is not joint, becomes; or why not. Looks at nothing but its arguments. */
export function reconfigured(
  configuration: Configuration,
  change: Reconfiguration,
): Configuration | ReconfigurationRefusal {
  if (isJoint(configuration)) return 'reconfiguring';
  switch (change.type) {
    case 'addLearner':
      return withLearner(configuration, change);
    case 'identify':
      return identified(configuration, change);
    case 'promote':
      return whyNotPromoted(configuration, change.id) ?? withVoters(configuration, [change.id], []);
    case 'remove':
      return withoutMember(configuration, change.id);
    case 'update':
      return moved(configuration, change.id, change.address);
    case 'exchange':
      return exchanged(configuration, change.promote, change.remove);
    default:
      return assertNever(change);
  }
}

/** What a joint configuration ends in: whoever is in neither half any more is removed. */
export function left(configuration: Configuration): Configuration {
  const { voters, learners, members, removed } = configuration;
  const stays = (id: NodeId): boolean => voters.includes(id) || learners.includes(id);
  const gone = members.map(({ id }) => id).filter((id) => !stays(id));
  return {
    ...configuration,
    outgoing: [],
    members: members.filter(({ id }) => stays(id)),
    removed: ordered([...removed, ...gone]),
  };
}

/** Whether `configuration` is one in which the change has happened, whoever asked for it. */
export function isReached(configuration: Configuration, change: Reconfiguration): boolean {
  const { removed } = configuration;
  switch (change.type) {
    case 'addLearner':
      return memberOf(configuration, change.id) !== undefined || removed.includes(change.id);
    case 'identify': {
      const member = memberOf(configuration, change.id);
      return member === undefined || equalBytes(member.storageId, change.storageId);
    }
    case 'promote':
      return isVoter(configuration, change.id);
    case 'remove':
      return removed.includes(change.id);
    case 'update':
      return memberOf(configuration, change.id)?.address === change.address;
    case 'exchange':
      return (
        !isJoint(configuration) &&
        change.promote.every((id) => configuration.voters.includes(id)) &&
        change.remove.every((id) => removed.includes(id))
      );
    default:
      return assertNever(change);
  }
}

function withLearner(
  configuration: Configuration,
  { id, address, promote }: Extract<Reconfiguration, { type: 'addLearner' }>,
): Configuration | ReconfigurationRefusal {
  const { members, learners, promoting, removed } = configuration;
  if (memberOf(configuration, id) !== undefined || removed.includes(id)) return 'memberExists';
  if (members.some((member) => member.address === address)) return 'addressExists';
  if (members.length + removed.length >= maxReplicasEver) return 'tooManyMembers';
  if (!promote && learners.length - promoting.length >= maxLearners) return 'tooManyLearners';
  if (promote && !hasQuorumOfStarted(configuration)) return 'notEnoughStarted';
  const member: Member = { id, name: '', address, storageId: nothing, publicKey: nothing };
  return {
    ...configuration,
    members: [...members, member].sort((a, b) => a.id - b.id),
    learners: ordered([...learners, id]),
    promoting: promote ? ordered([...promoting, id]) : promoting,
  };
}

/**
 * Whether those that have started would still be a quorum if everybody who is about to vote did, one more included. The
 * second member of a cluster of one need not have: nothing is lost while it is a learner.
 */
function hasQuorumOfStarted({ voters, promoting, members }: Configuration): boolean {
  const started = voters.length + promoting.filter((id) => hasStarted(members, id)).length;
  const total = voters.length + promoting.length + 1;
  return (started === 1 && total === 2) || started >= majorityOf(total);
}

const hasStarted = (members: readonly Member[], id: NodeId): boolean =>
  members.some((member) => member.id === id && member.storageId.length > 0);

function identified(
  configuration: Configuration,
  { id, name, storageId }: Extract<Reconfiguration, { type: 'identify' }>,
): Configuration | ReconfigurationRefusal {
  const member = memberOf(configuration, id);
  if (member === undefined) return 'memberNotFound';
  if (member.storageId.length > 0 || !configuration.learners.includes(id)) return 'memberExists';
  // Two that were added may have started under one name, each where the other was not known yet.
  if (configuration.members.some((other) => other.id !== id && other.name === name)) return 'memberExists';
  return withMember(configuration, { ...member, name, storageId });
}

/** Without a known data directory nobody could tell a voter from another one under its id. */
function whyNotPromoted(configuration: Configuration, id: NodeId): ReconfigurationRefusal | undefined {
  if (memberOf(configuration, id) === undefined) return 'memberNotFound';
  if (!configuration.learners.includes(id)) return 'notLearner';
  return hasStarted(configuration.members, id) ? undefined : 'notInSync';
}

function withVoters(
  configuration: Configuration,
  promote: readonly NodeId[],
  remove: readonly NodeId[],
): Configuration {
  const outside = (id: NodeId): boolean => !promote.includes(id) && !remove.includes(id);
  return {
    ...configuration,
    voters: ordered([...configuration.voters.filter((id) => !remove.includes(id)), ...promote]),
    learners: configuration.learners.filter(outside),
    promoting: configuration.promoting.filter(outside),
  };
}

function withoutMember(configuration: Configuration, id: NodeId): Configuration | ReconfigurationRefusal {
  if (memberOf(configuration, id) === undefined) return 'memberNotFound';
  const { voters } = configuration;
  if (voters.length === 1 && voters.includes(id)) return 'notEnoughStarted';
  return left(withVoters(configuration, [], [id]));
}

function moved(
  configuration: Configuration,
  id: NodeId,
  address: string,
): Configuration | ReconfigurationRefusal {
  const member = memberOf(configuration, id);
  if (member === undefined) return 'memberNotFound';
  const taken = configuration.members.some((other) => other.id !== id && other.address === address);
  return taken ? 'addressExists' : withMember(configuration, { ...member, address });
}

function exchanged(
  configuration: Configuration,
  promote: readonly NodeId[],
  remove: readonly NodeId[],
): Configuration | ReconfigurationRefusal {
  for (const id of promote) {
    const refusal = whyNotPromoted(configuration, id);
    if (refusal !== undefined) return refusal;
  }
  if (remove.some((id) => memberOf(configuration, id) === undefined || promote.includes(id))) {
    return 'memberNotFound';
  }
  const next = withVoters(configuration, promote, remove);
  if (next.voters.length === 0) return 'notEnoughStarted';
  return { ...next, outgoing: configuration.voters };
}

function withMember(configuration: Configuration, changed: Member): Configuration {
  const members = configuration.members.map((member) => (member.id === changed.id ? changed : member));
  return { ...configuration, members };
}

const nothing = new Uint8Array(0);
const ordered = (ids: readonly NodeId[]): NodeId[] => [...new Set(ids)].sort((a, b) => a - b);

/** In the order of their numbers on the wire: append only. */
const types = [
  'addLearner',
  'identify',
  'promote',
  'remove',
  'update',
  'exchange',
] as const satisfies readonly Reconfiguration['type'][];

export function encodeReconfiguration(change: Reconfiguration): Uint8Array {
  const writer = new Writer(64).u8(types.indexOf(change.type));
  switch (change.type) {
    case 'addLearner':
      return writer.uint(change.id).string(change.address).bool(change.promote).finish();
    case 'identify':
      return writer.uint(change.id).string(change.name).bytes(change.storageId).finish();
    case 'promote':
    case 'remove':
      return writer.uint(change.id).finish();
    case 'update':
      return writer.uint(change.id).string(change.address).finish();
    case 'exchange':
      for (const ids of [change.promote, change.remove]) {
        writer.uint(ids.length);
        for (const id of ids) writer.uint(id);
      }
      return writer.finish();
    default:
      return assertNever(change);
  }
}

export const decodeReconfiguration = (bytes: Uint8Array): Reconfiguration | Malformed =>
  decode(bytes, readReconfiguration);

function readReconfiguration(reader: Reader): Reconfiguration {
  const type = types[reader.u8()];
  switch (type) {
    case 'addLearner':
      return { type, id: nodeId(reader.uint()), address: reader.string(), promote: reader.bool() };
    case 'identify':
      return { type, id: nodeId(reader.uint()), name: reader.string(), storageId: reader.bytes() };
    case 'promote':
    case 'remove':
      return { type, id: nodeId(reader.uint()) };
    case 'update':
      return { type, id: nodeId(reader.uint()), address: reader.string() };
    case 'exchange':
      return { type, promote: readIds(reader), remove: readIds(reader) };
    default:
      throw new Malformed('unknown change of membership');
  }
}

function readIds(reader: Reader): NodeId[] {
  return Array.from({ length: reader.count(1) }, () => nodeId(reader.uint()));
}
