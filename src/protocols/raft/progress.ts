import { type Index, index, type Millis } from '../../core/ids.ts';
import { maxInflightAppends, maxInflightBytes } from '../../core/limits.ts';

/**
 * What the leader knows about one peer. `probe`: where the logs part is not known, one request at a time; `replicate`:
 * requests follow each other without waiting; `snapshot`: waits until the peer has one.
 */
export interface Progress {
  mode: 'probe' | 'replicate' | 'snapshot';
  /** Acknowledged as durable up to here. */
  match: Index;
  /** The next entry to send; above `match`. */
  next: Index;
  /** A probe is under way, or a snapshot failed: wait for a sign of life. */
  paused: boolean;
  /** Requests not yet acknowledged, oldest first. */
  readonly inflight: Inflight[];
  inflightBytes: number;
  /** The commit index that was last sent. */
  commitSent: Index;
  /** When a message of this term last came from the peer. */
  heard: Millis;
  /** The newest round of read confirmation that the peer has answered. */
  round: number;
  /** As the host says: no entries while the link is down or congested. */
  linked: boolean;
  congested: boolean;
  /** `match` at the last heartbeat; when its answer finds no progress, what is under way may be lost. */
  lossCheck: Index | undefined;
  /** While in `snapshot`: the log is kept from here on for what comes after it. */
  snapshotIndex: Index;
  /** Was removed by the configuration `at`, and is told of it `until` then at the latest. */
  leaving: { readonly at: Index; until: Millis | undefined } | undefined;
  /** A learner's round of catching up: what had come together when it began. */
  catchUp: { readonly target: Index; readonly since: Millis } | undefined;
  /** Until when it keeps others from leading, as it has promised; undefined when it has not. */
  leaseEnd: Millis | undefined;
}

interface Inflight {
  readonly lastIndex: Index;
  readonly bytes: number;
}

export function newProgress(lastIndex: Index, now: Millis): Progress {
  return {
    mode: 'probe',
    match: index(0),
    next: index(lastIndex + 1),
    paused: false,
    inflight: [],
    inflightBytes: 0,
    commitSent: index(0),
    heard: now,
    round: 0,
    linked: true,
    congested: false,
    lossCheck: undefined,
    snapshotIndex: index(0),
    leaving: undefined,
    catchUp: undefined,
    leaseEnd: undefined,
  };
}

export function mayTakeEntries(progress: Progress): boolean {
  if (!progress.linked || progress.congested) return false;
  switch (progress.mode) {
    case 'probe':
      return !progress.paused;
    case 'replicate':
      return progress.inflight.length < maxInflightAppends && progress.inflightBytes < maxInflightBytes;
    case 'snapshot':
      return false;
  }
}

export function sentEntries(progress: Progress, lastIndex: Index, bytes: number): void {
  if (progress.mode === 'probe') {
    progress.paused = true;
    return;
  }
  progress.next = index(lastIndex + 1);
  progress.inflight.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
}

/** The peer holds the leader's log up to `match`; an older acknowledgement changes nothing. */
export function acknowledge(progress: Progress, match: Index): void {
  progress.match = index(Math.max(progress.match, match));
  progress.next = index(Math.max(progress.next, progress.match + 1));
  if (progress.mode === 'probe' || (progress.mode === 'snapshot' && match >= progress.snapshotIndex)) {
    progress.mode = 'replicate';
    progress.paused = false;
    progress.next = index(progress.match + 1);
  }
  let done = 0;
  for (const { lastIndex, bytes } of progress.inflight) {
    if (lastIndex > progress.match) break;
    progress.inflightBytes -= bytes;
    done++;
  }
  if (done > 0) progress.inflight.splice(0, done);
}

/** What was under way counts as lost; asks again from `next`. */
export function probeFrom(progress: Progress, next: Index): void {
  progress.mode = 'probe';
  progress.paused = false;
  progress.next = index(Math.max(next, progress.match + 1));
  progress.inflight.length = 0;
  progress.inflightBytes = 0;
}

export function awaitSnapshot(progress: Progress, snapshotIndex: Index): void {
  probeFrom(progress, progress.next);
  progress.mode = 'snapshot';
  progress.snapshotIndex = snapshotIndex;
}

export function forkProgress(progress: Progress): Progress {
  const leaving = progress.leaving === undefined ? undefined : { ...progress.leaving };
  return { ...progress, inflight: progress.inflight.slice(), leaving };
}
