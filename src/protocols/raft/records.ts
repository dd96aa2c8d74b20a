import { decode, Malformed, type Reader, Writer } from '../../core/codec.ts';
import { clusterTime, type Epoch, type NodeId, nodeId } from '../../core/ids.ts';
import {
  type Base,
  type JournalRecord,
  type Position,
  readConfiguration,
  writeConfiguration,
} from '../../protocol/index.ts';
import { type Entry, entryBytes, readEntry, readIndex, readTerm, writeEntry } from './messages.ts';

/** What must survive a crash before anything is said that depends on it. */
export interface HardState {
  readonly term: Epoch;
  /** Who got the vote of `term`. */
  readonly vote: NodeId | undefined;
  /** How often this replica has been started: makes the names of forwarded reads unique. */
  readonly start: number;
  /**
   * The longest time, in ms, for which any start of it has promised a leader to vote for nobody: whoever has just started
   * may be bound for that long, whatever it is told to promise now. 0 without lease reads.
   */
  readonly promise: number;
}

/**
 * What the journal holds, in the order of writing. An entry replaces everything from its index on. A base says that the
 * state up to its position is held outside of the log: the log starts there, and what follows stays if it matches.
 */
export type RaftRecord =
  | { readonly type: 'hardState'; readonly hardState: HardState }
  | { readonly type: 'entry'; readonly entry: Entry }
  | { readonly type: 'base'; readonly base: Base };

const types = ['hardState', 'entry', 'base'] as const satisfies readonly RaftRecord['type'][];
const tag = (type: RaftRecord['type']): number => types.indexOf(type);

/**
 * A record that passed the journal's checks and is none of ours all the same: another version's, or a mistake. The
 * replica must not go on, since it would forget what it promised.
 */
export class CorruptRecord extends Error {
  override readonly name = 'CorruptRecord';
  readonly code = 'CORRUPT_RECORD';
}

export function hardStateRecord(hardState: HardState): JournalRecord {
  const writer = new Writer(24).u8(tag('hardState'));
  writer
    .uint(hardState.term)
    .uint(hardState.vote ?? 0)
    .uint(hardState.start);
  if (hardState.promise > 0) writer.uint(hardState.promise);
  return { index: undefined, bytes: writer.finish() };
}

export function entryRecord(entry: Entry): JournalRecord {
  const writer = new Writer(16 + entryBytes(entry)).u8(tag('entry')).uint(entry.index);
  writeEntry(writer, entry);
  return { index: entry.index, bytes: writer.finish() };
}

export function baseRecord(base: Base): JournalRecord {
  const writer = new Writer(256).u8(tag('base'));
  writePosition(writer, base.position);
  writeConfiguration(writer, base.configuration);
  return { index: undefined, bytes: writer.finish() };
}

export function writePosition(writer: Writer, position: Position): void {
  writer.uint(position.index).uint(position.epoch).uint(position.time);
}

/** Throws `CorruptRecord`. */
export function decodeRecord(bytes: Uint8Array): RaftRecord {
  const record = decode(bytes, readRecord);
  if (record instanceof Malformed) {
    throw new CorruptRecord(
      `a journal record cannot be read: ${record.message}; restore this replica's data`,
    );
  }
  return record;
}

function readRecord(reader: Reader): RaftRecord {
  const type = types[reader.u8()];
  switch (type) {
    case 'hardState': {
      const [term, vote, start] = [readTerm(reader), reader.uint(), reader.uint()];
      const promise = reader.remaining > 0 ? reader.uint() : 0;
      return { type, hardState: { term, vote: vote === 0 ? undefined : nodeId(vote), start, promise } };
    }
    case 'entry':
      return { type, entry: readEntry(reader, readIndex(reader)) };
    case 'base': {
      const position = {
        index: readIndex(reader),
        epoch: readTerm(reader),
        time: clusterTime(reader.uint()),
      };
      return { type, base: { position, configuration: readConfiguration(reader) } };
    }
    default:
      throw new Malformed('unknown type of record');
  }
}
