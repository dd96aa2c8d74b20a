import { assert } from '../../core/assert.ts';
import { Malformed } from '../../core/codec.ts';
import { clusterTime, type Epoch, epoch, type Index, index, millis, token } from '../../core/ids.ts';
import { type Base, decodeConfiguration, nobody, type Position } from '../../protocol/index.ts';
import { Configurations } from './configuration.ts';
import { Log } from './log.ts';
import type { Entry } from './messages.ts';
import { CorruptRecord, decodeRecord, type HardState } from './records.ts';
import type { State } from './state.ts';

/** What the journal says, before it is held against the host's state. */
interface Replayed {
  readonly hardState: HardState;
  /** Entries without gaps, the first one anywhere. */
  readonly entries: readonly Entry[];
  /** Where the log restarted last, unless entries follow from further below. */
  readonly restart: Position | undefined;
}

const neverStarted: HardState = { term: epoch(0), vote: undefined, start: 0, promise: 0 };

/** Throws `CorruptRecord` for records that are none of ours, or leave a gap. */
export function replay(records: readonly Uint8Array[]): Replayed {
  let hardState: HardState = neverStarted;
  let entries: Entry[] = [];
  let restart: Position | undefined;
  for (const bytes of records) {
    const record = decodeRecord(bytes);
    switch (record.type) {
      case 'hardState':
        hardState = later(hardState, record.hardState);
        break;
      case 'entry':
        truncateBefore(entries, restart, record.entry);
        // A base written while cutting is left over when what followed it was cut later: the log begins here.
        if (entries.length === 0 && restart !== undefined && restart.index + 1 < record.entry.index)
          restart = undefined;
        entries.push(record.entry);
        break;
      case 'base': {
        const { position } = record.base;
        if (continues(entries, position)) break;
        entries = [];
        restart = position;
        break;
      }
    }
  }
  // Terms are written before what is written in them: else an old leader could overwrite it.
  const lastTerm = entries.at(-1)?.epoch ?? 0;
  if (lastTerm > hardState.term) {
    throw new CorruptRecord(
      `the log ends in term ${lastTerm} but the journal knows only of term ${hardState.term}; restore this replica's data`,
    );
  }
  return { hardState, entries, restart };
}

/** A head written while cutting may repeat an older state after a newer one. */
function later(one: HardState, other: HardState): HardState {
  const start = Math.max(one.start, other.start);
  const promise = Math.max(one.promise, other.promise);
  if (one.term !== other.term) return { ...(one.term > other.term ? one : other), start, promise };
  return { term: one.term, vote: other.vote ?? one.vote, start, promise };
}

/** Removes what `entry` replaces. */
function truncateBefore(entries: Entry[], restart: Position | undefined, entry: Entry): void {
  const first = entries[0];
  if (first === undefined) {
    if (restart !== undefined && entry.index <= restart.index) throw gap(entry.index, restart.index);
    return;
  }
  const kept = entry.index - first.index;
  if (kept > entries.length) throw gap(entry.index, first.index + entries.length - 1);
  entries.length = Math.max(0, kept);
}

const gap = (found: number, last: number): CorruptRecord =>
  new CorruptRecord(
    `the journal goes on with entry ${found} after entry ${last}; restore this replica's data from its peers`,
  );

/** Whether the entries go on from `position` as they are: it is just below them, or one of them. */
function continues(entries: readonly Entry[], position: Position): boolean {
  const first = entries[0];
  if (first === undefined) return false;
  if (position.index < first.index) return true;
  return entries[position.index - first.index]?.epoch === position.epoch;
}

/** State as it was, as far as it was durable; `restarted` when the log had to restart at the host's state. */
export function recoverState(
  base: Base,
  records: readonly Uint8Array[],
): { state: State; restarted: boolean } {
  const { hardState, entries, restart } = replay(records);
  const { position } = base;
  const below = lowest(entries, restart);
  if (below !== undefined && position.index < below) {
    throw new CorruptRecord(
      `the applied state ends at ${position.index} but the journal begins after ${below}: the state is older than its journal`,
    );
  }
  const { log, reaches } = logFrom(entries, position);
  const configurations = new Configurations(position.index, base.configuration);
  for (let at = position.index + 1; at <= log.lastIndex; at++) track(configurations, log.get(at) as Entry);
  const state = freshState(atLeast(hardState, log.lastTerm), log, configurations, position.index);
  return { state, restarted: !reaches };
}

/** A state that came from elsewhere may be newer than every term that was seen here. */
const atLeast = (hardState: HardState, term: Epoch): HardState =>
  term > hardState.term ? { ...hardState, term, vote: undefined } : hardState;

/** The index below which nothing of the log is left. */
function lowest(entries: readonly Entry[], restart: Position | undefined): number | undefined {
  const first = entries[0];
  return first === undefined ? restart?.index : first.index - 1;
}

/** What is at or below the base is final; what comes after it stays when the log really goes through the base. */
function logFrom(entries: readonly Entry[], base: Position): { log: Log; reaches: boolean } {
  const first = entries[0];
  if (first === undefined) return { log: new Log(base), reaches: base.index === 0 };
  const at = base.index - first.index;
  if (at >= 0 && entries[at]?.epoch !== base.epoch) return { log: new Log(base), reaches: false };
  return { log: new Log(base, entries.slice(at + 1)), reaches: true };
}

function track(configurations: Configurations, entry: Entry): void {
  if (entry.kind !== 'configuration') return;
  const configuration = decodeConfiguration(entry.payload);
  assert(!(configuration instanceof Malformed), 'entries were validated when they were decoded');
  configurations.append(entry.index, configuration);
}

function freshState(hardState: HardState, log: Log, configurations: Configurations, applied: Index): State {
  return {
    hardState,
    log,
    configurations,
    role: { type: 'follower', leader: undefined },
    leaderHeard: undefined,
    promisedUntil: millis(0),
    electionDeadline: undefined,
    commit: applied,
    delivered: applied,
    verified: applied,
    applied,
    flushed: applied,
    storage: {
      full: false,
      lastToken: token(0),
      durableToken: token(0),
      hardStateToken: token(0),
      durable: log.lastIndex,
      writes: [],
    },
    forwarded: { waiting: 0, queued: [], batches: [], lastBatch: 0 },
    unflushedBytes: 0,
    installing: undefined,
    announced: { role: '', leader: undefined, term: epoch(0), configuration: undefined },
  };
}

/** Before `recovered`: nothing is known yet. */
export function unrecoveredState(): State {
  const floor: Position = { index: index(0), epoch: epoch(0) as Epoch, time: clusterTime(0) };
  return freshState(neverStarted, new Log(floor), new Configurations(index(0), nobody), index(0));
}
