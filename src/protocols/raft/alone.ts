import { index } from '../../core/ids.ts';
import { encodeConfiguration, memberOf, votersOnly } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import type { Entry } from './messages.ts';

/** An operator names the directory of a replica that was removed, or of one that never belonged. */
export class NotAMember extends Error {
  override readonly name = 'NotAMember';
  readonly code = 'NOT_A_MEMBER';
}

/**
 * Ends the log in a configuration of this replica alone. In force when appended, it makes this replica the quorum, and its
 * first commit as the leader commits all of the log before it. No part of Raft: an operator has decided that the others are
 * gone. Throws `NotAMember` when this replica is no member.
 */
export function becomeAlone(ctx: Context): void {
  const { log, configurations } = ctx.state;
  const member = memberOf(configurations.current.configuration, ctx.self);
  if (member === undefined) {
    throw new NotAMember(
      'this replica is no member of its cluster, as far as it knows: recover from the data directory of one',
    );
  }
  const configuration = { ...votersOnly([member]), removed: configurations.current.configuration.removed };
  const entry: Entry = {
    index: index(log.lastIndex + 1),
    epoch: log.lastTerm,
    time: log.last.time,
    kind: 'configuration',
    payload: encodeConfiguration(configuration),
  };
  log.append(entry);
  configurations.append(entry.index, configuration);
  ctx.persistEntry(entry);
}
