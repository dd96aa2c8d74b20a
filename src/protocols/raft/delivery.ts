import { type Index, index, type Token } from '../../core/ids.ts';
import type { Context } from './context.ts';
import { requestCheckpoint } from './snapshot.ts';

/** Writes complete in order; what a truncation has replaced since is not counted. */
export function durable(ctx: Context, upTo: Token): void {
  const { storage } = ctx.state;
  if (upTo <= storage.durableToken) return;
  storage.durableToken = upTo;
  let done = 0;
  for (const write of storage.writes) {
    if (write.token > upTo) break;
    storage.durable = index(Math.max(storage.durable, write.lastIndex));
    done++;
  }
  storage.writes.splice(0, done);
}

/** Hands over what is committed and on this replica's disk, once, in order. */
export function deliver(ctx: Context): void {
  const { state } = ctx;
  const upTo = index(Math.min(state.commit, state.storage.durable));
  if (upTo <= state.delivered || state.installing !== undefined) return;
  const entries = state.log.slice(state.delivered, upTo);
  state.delivered = upTo;
  ctx.emit({ type: 'commit', entries });
  requestCheckpoint(ctx, entries);
}

export function advanceCommit(ctx: Context, commit: Index): void {
  const { state } = ctx;
  if (commit <= state.commit) return;
  state.commit = commit;
  state.verified = index(Math.max(state.verified, commit));
}
