import { assert } from '../core/assert.ts';
import { part } from '../core/bytes.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { maxKeptResultBytes, maxReplicasEver, sessionWindow } from '../core/limits.ts';
import type { ReadStore, Store } from '../core/store.ts';
import type { CommandEnvelope, Session } from './envelope.ts';
import { resultKey, sessionKey, table, tableRange } from './layout.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/**
 * Sessions make a repeated command run once. A session keeps one record, and one slot for each sequence that may be
 * outstanding: slot `sequence mod window`, overwritten a window later, by when the sequence is below the mark and is
 * refused without a look at its slot. So a command costs one small put, and nothing is ever swept.
 */
export interface SessionState {
  readonly session: Session;
  /** Everything below has been answered, or will never run. */
  readonly acknowledgedBelow: number;
}

export type OpenOutcome = 'opened' | 'alreadyOpen' | 'expired' | 'tooManySessions';

/** Opens `session`, ending an older incarnation of the same opener. */
export function openSession(store: Store, session: Session): OpenOutcome {
  const known = readState(store, session.opener);
  if (known === undefined) {
    if (countSessions(store) >= maxReplicasEver) return 'tooManySessions';
  } else {
    const { incarnation } = known.session;
    if (incarnation > session.incarnation) return 'expired';
    if (incarnation === session.incarnation) return 'alreadyOpen';
  }
  writeState(store, { session, acknowledgedBelow: 1 });
  return 'opened';
}

/** Sessions in order of their openers. */
export function sessions(store: ReadStore): SessionState[] {
  const states: SessionState[] = [];
  for (const [key, value] of store.scan(tableRange(table.session)))
    states.push(decodeState(nodeId(readUint64(key, 2)), value));
  return states;
}

/** What a session says about a command before it runs. */
export type Admission =
  | { readonly type: 'run' }
  | { readonly type: 'duplicate'; readonly result: Uint8Array }
  | { readonly type: 'resultLost' }
  /** The session is unknown, or a newer incarnation took its place: the command never runs. */
  | { readonly type: 'expired' }
  /** Below the mark: whoever sent it has had its outcome or does not wait for it. It does not run now. */
  | { readonly type: 'stale' }
  /** Too far above the mark: it has not run, and may be sent again when the mark has moved. */
  | { readonly type: 'outsideWindow' };

const run: Admission = { type: 'run' };
const resultLost: Admission = { type: 'resultLost' };
const expired: Admission = { type: 'expired' };
const stale: Admission = { type: 'stale' };
const outsideWindow: Admission = { type: 'outsideWindow' };

/** Decides whether `command` is to run, and moves the mark of its session. */
export function admit(store: Store, command: CommandEnvelope): Admission {
  const { session, sequence, acknowledgedBelow } = command;
  const known = store.get(sessionKey(session.opener));
  if (known === undefined) return expired;
  const state = decodeState(session.opener, known);
  if (!isOpen(state, session)) return expired;
  if (sequence < state.acknowledgedBelow) return stale;
  const mark = Math.max(state.acknowledgedBelow, acknowledgedBelow);
  if (sequence >= mark + sessionWindow) return outsideWindow;
  if (mark !== state.acknowledgedBelow) writeState(store, { ...state, acknowledgedBelow: mark });
  const slot = store.get(resultKey(session.opener, sequence % sessionWindow));
  if (slot === undefined || readUint64(slot, 0) !== session.incarnation) return run;
  const occupant = readUint64(slot, 8);
  assert(occupant <= sequence, `command ${sequence} is in the window, but ${occupant} took its slot`);
  if (occupant < sequence) return run;
  return slot[16] === keptResult ? { type: 'duplicate', result: part(slot, 17, slot.length) } : resultLost;
}

/** Ends the record of a session; another value is kept for sessions that were closed. */
const openMark = 1;

const lostResult = 0;
const keptResult = 1;

/** Remembers that a command ran, with its result when that is small enough. */
export function remember(store: Store, command: CommandEnvelope, result: Uint8Array): void {
  const { session, sequence } = command;
  const kept = result.length <= maxKeptResultBytes;
  const slot = new Uint8Array(17 + (kept ? result.length : 0));
  writeUint64(slot, 0, session.incarnation);
  writeUint64(slot, 8, sequence);
  slot[16] = kept ? keptResult : lostResult;
  if (kept) slot.set(result, 17);
  store.put(resultKey(session.opener, sequence % sessionWindow), slot);
}

function isOpen(state: SessionState, session: Session): boolean {
  return state.session.incarnation === session.incarnation;
}

function readState(store: ReadStore, opener: NodeId): SessionState | undefined {
  const bytes = store.get(sessionKey(opener));
  return bytes === undefined ? undefined : decodeState(opener, bytes);
}

function decodeState(opener: NodeId, bytes: Uint8Array): SessionState {
  assert(bytes.length === 17 && bytes[16] === openMark, 'a session record is 17 bytes of an open session');
  return {
    session: { opener, incarnation: readUint64(bytes, 0) },
    acknowledgedBelow: readUint64(bytes, 8),
  };
}

function writeState(store: Store, state: SessionState): void {
  const bytes = new Uint8Array(17);
  writeUint64(bytes, 0, state.session.incarnation);
  writeUint64(bytes, 8, state.acknowledgedBelow);
  bytes[16] = openMark;
  store.put(sessionKey(state.session.opener), bytes);
}

function countSessions(store: ReadStore): number {
  let count = 0;
  for (const _ of store.scan(tableRange(table.session))) count++;
  return count;
}
