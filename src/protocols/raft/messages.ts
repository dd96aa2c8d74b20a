import { assertNever } from '../../core/assert.ts';
import { decode, Malformed, type Reader, Writer } from '../../core/codec.ts';
import { clusterTime, type Epoch, epoch, type Index, index } from '../../core/ids.ts';
import type { CommittedEntry, EntryKind, Refusal } from '../../protocol/index.ts';
import { decodeConfiguration } from '../../protocol/index.ts';

/** A log entry; the same shape as when it is committed, so that it is never copied. `epoch` is its term. */
export type Entry = CommittedEntry;

/** What replicas say to each other. The table in README.md names sender, receiver and section of each. */
export type RaftMessage =
  | {
      /** Would you vote for me in `term`? Changes nothing at the receiver. */
      readonly type: 'preVote';
      readonly term: Epoch;
      readonly lastIndex: Index;
      readonly lastTerm: Epoch;
    }
  /** `term` is the proposed one when granted, and the receiver's own when not. */
  | { readonly type: 'preVoteReply'; readonly term: Epoch; readonly granted: boolean }
  | {
      readonly type: 'requestVote';
      readonly term: Epoch;
      readonly lastIndex: Index;
      readonly lastTerm: Epoch;
      /** The leader itself asked for this election, so nobody is disturbed by it. */
      readonly transfer: boolean;
    }
  | { readonly type: 'vote'; readonly term: Epoch; readonly granted: boolean }
  | {
      /** `entries` follow `previousIndex` without gaps, in terms that never fall and are at most `term`. */
      readonly type: 'appendEntries';
      readonly term: Epoch;
      readonly previousIndex: Index;
      readonly previousTerm: Epoch;
      readonly commit: Index;
      readonly entries: readonly Entry[];
    }
  /** The log equals the leader's up to and including `match`, durably. */
  | { readonly type: 'appendAck'; readonly term: Epoch; readonly match: Index }
  | {
      /** Entry `previousIndex` is not there. Above `hintIndex`, or with a term above `hintTerm`, nothing can match. */
      readonly type: 'appendReject';
      readonly term: Epoch;
      readonly previousIndex: Index;
      readonly hintIndex: Index;
      readonly hintTerm: Epoch;
    }
  /** `round` names the newest round of read confirmation. */
  | { readonly type: 'heartbeat'; readonly term: Epoch; readonly commit: Index; readonly round: number }
  | {
      readonly type: 'heartbeatAck';
      readonly term: Epoch;
      readonly round: number;
      /** How far the follower knows its log to equal the leader's; after a restart, less than it once said. */
      readonly verified: Index;
      /** For how long, in ms from when it got the heartbeat, it votes for nobody, whatever their term; 0 promises nothing. */
      readonly promise: number;
    }
  /** The commit index alone, at once, when no other message would carry it soon. Not answered. */
  | { readonly type: 'commitNotice'; readonly term: Epoch; readonly commit: Index }
  | { readonly type: 'timeoutNow'; readonly term: Epoch }
  /** `start` and `batch` together are used once only in the life of the sender. */
  | { readonly type: 'readRequest'; readonly term: Epoch; readonly start: number; readonly batch: number }
  | {
      readonly type: 'readReply';
      readonly term: Epoch;
      readonly start: number;
      readonly batch: number;
      readonly index: Index;
    }
  | {
      readonly type: 'readRefusal';
      readonly term: Epoch;
      readonly start: number;
      readonly batch: number;
      readonly reason: ReadRefusal;
    };

export type MessageOf<Type extends RaftMessage['type']> = Extract<RaftMessage, { type: Type }>;

export type ReadRefusal = Extract<Refusal, 'notLeader' | 'overloaded'>;

const types = [
  'preVote',
  'preVoteReply',
  'requestVote',
  'vote',
  'appendEntries',
  'appendAck',
  'appendReject',
  'heartbeat',
  'heartbeatAck',
  'commitNotice',
  'timeoutNow',
  'readRequest',
  'readReply',
  'readRefusal',
] as const satisfies readonly RaftMessage['type'][];

const kinds = ['command', 'delta', 'configuration', 'noop'] as const satisfies readonly EntryKind[];

/** Terms, indexes and milliseconds above this are taken for damage: counting up to it takes millennia. */
const highest = 2 ** 48;

/** Upper bound for the fixed fields of an encoded entry. */
const entryOverheadBytes = 32;

export function writeEntry(writer: Writer, entry: Entry): void {
  writer.uint(entry.epoch).uint(entry.time).u8(kinds.indexOf(entry.kind)).bytes(entry.payload);
}

export function readEntry(reader: Reader, at: Index): Entry {
  const term = readTerm(reader);
  const time = clusterTime(reader.uint());
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new Malformed('unknown kind of entry');
  const payload = reader.bytes();
  if (kind === 'configuration') {
    const configuration = decodeConfiguration(payload);
    if (configuration instanceof Malformed) throw configuration;
  }
  return { index: at, epoch: term, time, kind, payload };
}

/** Bytes that an entry counts for wherever bytes are limited. */
export const entryBytes = (entry: Entry): number => entry.payload.length + entryOverheadBytes;

export const readTerm = (reader: Reader): Epoch => epoch(bounded(reader));
export const readIndex = (reader: Reader): Index => index(bounded(reader));

function bounded(reader: Reader): number {
  const value = reader.uint();
  if (value > highest) throw new Malformed(`term, index or time ${value} out of range`);
  return value;
}

export function encodeMessage(message: RaftMessage): Uint8Array {
  const writer = new Writer(message.type === 'appendEntries' ? 64 + totalBytes(message.entries) : 48);
  writer.u8(types.indexOf(message.type)).uint(message.term);
  writeBody(writer, message);
  return writer.finish();
}

function totalBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

function writeBody(writer: Writer, message: RaftMessage): void {
  switch (message.type) {
    case 'preVote':
      writer.uint(message.lastIndex).uint(message.lastTerm);
      break;
    case 'preVoteReply':
    case 'vote':
      writer.bool(message.granted);
      break;
    case 'requestVote':
      writer.uint(message.lastIndex).uint(message.lastTerm).bool(message.transfer);
      break;
    case 'appendEntries':
      writer.uint(message.previousIndex).uint(message.previousTerm).uint(message.commit);
      writer.uint(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      break;
    case 'appendAck':
      writer.uint(message.match);
      break;
    case 'appendReject':
      writer.uint(message.previousIndex).uint(message.hintIndex).uint(message.hintTerm);
      break;
    case 'heartbeat':
      writer.uint(message.commit).uint(message.round);
      break;
    case 'heartbeatAck':
      writer.uint(message.round).uint(message.verified);
      // Left out when there is none, as it was before promises were declared.
      if (message.promise > 0) writer.uint(message.promise);
      break;
    case 'commitNotice':
      writer.uint(message.commit);
      break;
    case 'timeoutNow':
      break;
    case 'readRequest':
      writer.uint(message.start).uint(message.batch);
      break;
    case 'readReply':
      writer.uint(message.start).uint(message.batch).uint(message.index);
      break;
    case 'readRefusal':
      writer
        .uint(message.start)
        .uint(message.batch)
        .bool(message.reason === 'overloaded');
      break;
    default:
      assertNever(message);
  }
}

/** Never throws: what is not a message is a `Malformed` that says why. */
export function decodeMessage(bytes: Uint8Array): RaftMessage | Malformed {
  return decode(bytes, readMessage);
}

function readMessage(reader: Reader): RaftMessage {
  const type = types[reader.u8()];
  if (type === undefined) throw new Malformed('unknown type of message');
  const term = readTerm(reader);
  if (term === 0) throw new Malformed('term 0 has no messages');
  switch (type) {
    case 'preVote':
      return { type, term, ...readLastEntry(reader, term) };
    case 'preVoteReply':
    case 'vote':
      return { type, term, granted: reader.bool() };
    case 'requestVote':
      return { type, term, ...readLastEntry(reader, term), transfer: reader.bool() };
    case 'appendEntries':
      return readAppendEntries(reader, term);
    case 'appendAck':
      return { type, term, match: readIndex(reader) };
    case 'appendReject':
      return {
        type,
        term,
        previousIndex: readIndex(reader),
        hintIndex: readIndex(reader),
        hintTerm: readTerm(reader),
      };
    case 'heartbeat':
      return { type, term, commit: readIndex(reader), round: reader.uint() };
    case 'heartbeatAck':
      return {
        type,
        term,
        round: reader.uint(),
        verified: readIndex(reader),
        promise: reader.remaining > 0 ? bounded(reader) : 0,
      };
    case 'commitNotice':
      return { type, term, commit: readIndex(reader) };
    case 'timeoutNow':
      return { type, term };
    case 'readRequest':
      return { type, term, start: reader.uint(), batch: reader.uint() };
    case 'readReply':
      return { type, term, start: reader.uint(), batch: reader.uint(), index: readIndex(reader) };
    case 'readRefusal': {
      const [start, batch] = [reader.uint(), reader.uint()];
      return { type, term, start, batch, reason: reader.bool() ? 'overloaded' : 'notLeader' };
    }
    default:
      return assertNever(type);
  }
}

function readLastEntry(reader: Reader, term: Epoch): { lastIndex: Index; lastTerm: Epoch } {
  const lastIndex = readIndex(reader);
  const lastTerm = readTerm(reader);
  if (lastTerm > term) throw new Malformed('the last entry is newer than the election');
  return { lastIndex, lastTerm };
}

function readAppendEntries(reader: Reader, term: Epoch): RaftMessage {
  const previousIndex = readIndex(reader);
  const previousTerm = readTerm(reader);
  const commit = readIndex(reader);
  const entries: Entry[] = [];
  let lastTerm: number = previousTerm;
  for (let count = reader.count(4); count > 0; count--) {
    const entry = readEntry(reader, index(previousIndex + entries.length + 1));
    if (entry.epoch < lastTerm || entry.epoch === 0) throw new Malformed('terms of entries fall');
    lastTerm = entry.epoch;
    entries.push(entry);
  }
  if (lastTerm > term) throw new Malformed('an entry is newer than its leader');
  if (previousIndex === 0 && previousTerm !== 0) throw new Malformed('index 0 has term 0');
  return { type: 'appendEntries', term, previousIndex, previousTerm, commit, entries };
}

export function describeMessage(message: RaftMessage): string {
  return `${message.type} term=${message.term}${describeBody(message)}`;
}

function describeBody(message: RaftMessage): string {
  switch (message.type) {
    case 'preVote':
      return ` last=${message.lastIndex}@${message.lastTerm}`;
    case 'preVoteReply':
    case 'vote':
      return message.granted ? ' granted' : ' denied';
    case 'requestVote':
      return ` last=${message.lastIndex}@${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    case 'appendEntries':
      return ` previous=${message.previousIndex}@${message.previousTerm} commit=${message.commit} entries=${describeEntries(message.entries)}`;
    case 'appendAck':
      return ` match=${message.match}`;
    case 'appendReject':
      return ` previous=${message.previousIndex} hint=${message.hintIndex}@${message.hintTerm}`;
    case 'heartbeat':
      return ` commit=${message.commit} round=${message.round}`;
    case 'heartbeatAck':
      return ` round=${message.round} verified=${message.verified}${message.promise > 0 ? ` promise=${message.promise}` : ''}`;
    case 'commitNotice':
      return ` commit=${message.commit}`;
    case 'timeoutNow':
      return '';
    case 'readRequest':
      return ` batch=${message.start}.${message.batch}`;
    case 'readReply':
      return ` batch=${message.start}.${message.batch} index=${message.index}`;
    case 'readRefusal':
      return ` batch=${message.start}.${message.batch} reason=${message.reason}`;
    default:
      return assertNever(message);
  }
}

function describeEntries(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return 'none';
  const terms = first.epoch === last.epoch ? `${first.epoch}` : `${first.epoch}-${last.epoch}`;
  return first === last ? `${first.index}@${terms}` : `${first.index}..${last.index}@${terms}`;
}
