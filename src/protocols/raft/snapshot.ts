import { type Epoch, type Index, index, type NodeId } from '../../core/ids.ts';
import { maxLogBytes } from '../../core/limits.ts';
import type { Base, Position } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { type Entry, entryBytes } from './messages.ts';
import { awaitSnapshot, type Progress, probeFrom } from './progress.ts';
import { baseRecord, hardStateRecord } from './records.ts';
import { becomeFollower } from './roles.ts';

/** The peer needs entries that are gone: the host streams the applied state instead (section 7). */
export function startSnapshot(ctx: Context, peer: NodeId, progress: Progress): void {
  awaitSnapshot(progress, ctx.state.applied);
  ctx.emit({ type: 'sendSnapshot', to: peer, epoch: ctx.term });
}

export function snapshotSent(ctx: Context, to: NodeId, upTo: Index, ok: boolean): void {
  const progress = ctx.leadership?.progress.get(to);
  if (progress === undefined || progress.mode !== 'snapshot') return;
  probeFrom(progress, ok ? index(upTo + 1) : progress.next);
  // After a failure the next sign of life starts another one.
  progress.paused = !ok;
}

export function snapshotReceived(
  ctx: Context,
  received: { snapshot: number; from: NodeId; epoch: Epoch; base: Base },
): void {
  const { state } = ctx;
  const { snapshot, from, epoch, base } = received;
  if (epoch > ctx.term) becomeFollower(ctx, epoch, from);
  const placement = ctx.rules.placeSnapshot(base.position, state.commit, state.log);
  if (placement === 'discard' || state.role.type === 'leader' || state.installing !== undefined) {
    ctx.emit({ type: 'discard', snapshot });
    return;
  }
  if (state.role.type !== 'follower') becomeFollower(ctx, ctx.term, undefined);
  state.installing = { snapshot, base };
  ctx.emit({ type: 'install', snapshot });
}

/** The host's state is the snapshot's now. Written down, so that a replay restarts the log at the same place. */
export function installed(ctx: Context, snapshot: number): void {
  const { state } = ctx;
  if (state.installing?.snapshot !== snapshot) return;
  const { base } = state.installing;
  state.installing = undefined;
  ctx.persist(baseRecord(base));
  placeBase(ctx, base);
  const { leader } = ctx;
  if (leader !== undefined && leader !== ctx.self) {
    ctx.acknowledge(leader, { type: 'appendAck', term: ctx.term, match: base.position.index });
  }
}

function placeBase(ctx: Context, base: Base): void {
  const { state } = ctx;
  const { position } = base;
  const { storage, log } = state;
  if (ctx.rules.placeSnapshot(position, state.delivered, log) === 'keepSuffix') {
    log.forgetUpTo(position.index);
    state.configurations.forgetUpTo(position.index);
    storage.durable = index(Math.max(storage.durable, position.index));
  } else {
    log.restartAt(position);
    state.configurations.restartAt(position.index, base.configuration);
    storage.durable = position.index;
    for (const write of storage.writes) write.lastIndex = index(Math.min(write.lastIndex, position.index));
    state.verified = position.index;
  }
  state.commit = index(Math.max(state.commit, position.index));
  state.verified = index(Math.max(state.verified, state.commit));
  state.delivered = position.index;
  state.applied = position.index;
  state.flushed = position.index;
  state.unflushedBytes = 0;
}

/** Asks the host to make its state durable when the log has grown enough, so that the log can be cut. */
export function requestCheckpoint(ctx: Context, delivered: readonly Entry[]): void {
  const { state } = ctx;
  for (const entry of delivered) state.unflushedBytes += entryBytes(entry);
  if (state.unflushedBytes < ctx.retention.checkpointBytes) return;
  state.unflushedBytes = 0;
  ctx.emit({ type: 'checkpoint', index: state.delivered });
}

/** What is durable in the host's state is not needed for recovery; a tail of it stays for peers that are a little late. */
export function flushed(ctx: Context, position: Position): void {
  const { state, retention } = ctx;
  const { log } = state;
  if (position.index <= state.flushed || position.index > state.delivered) return;
  state.flushed = position.index;
  const floor = compactionFloor(ctx);
  if (floor < log.floor.index + retention.stride && log.bytes < 2 * retention.tailBytes) return;
  if (floor <= log.floor.index) return;
  const configuration = state.configurations.at(floor);
  log.forgetUpTo(floor);
  state.configurations.forgetUpTo(floor);
  ctx.emit({
    type: 'compact',
    below: index(floor + 1),
    head: [hardStateRecord(state.hardState), baseRecord({ position: log.floor, configuration })],
  });
}

function compactionFloor(ctx: Context): Index {
  const { log, flushed } = ctx.state;
  const { tailEntries, tailBytes } = ctx.retention;
  let floor: number = flushed;
  let bytes = 0;
  while (floor > log.floor.index && flushed - floor < tailEntries) {
    bytes += entryBytes(log.get(floor) as Entry);
    if (bytes > tailBytes) break;
    floor--;
  }
  return index(Math.max(log.floor.index, Math.min(floor, neededBySnapshots(ctx))));
}

/** What a peer will need after the snapshot under way; without it, it would need the next one. */
function neededBySnapshots(ctx: Context): number {
  let needed = Number.POSITIVE_INFINITY;
  if (ctx.leadership === undefined || ctx.state.log.bytes > maxLogBytes / 2) return needed;
  for (const progress of ctx.leadership.progress.values()) {
    if (progress.mode === 'snapshot') needed = Math.min(needed, progress.snapshotIndex);
  }
  return needed;
}
