import type { ReplicaHandle } from '../../replica/types.ts';
import { leaderlessGraceMs } from '../limits.ts';
import type { BidiStream } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';

/**
 * Ends a stream when there has been no leader for a while, if its client has asked for that (`hasleader`): it would
 * rather look elsewhere than wait. An election is no reason: clients take this end for final. To be called in `open`;
 * what is returned is to be called when the stream is closed.
 */
export function requireLeader(replica: ReplicaHandle, stream: BidiStream): () => void {
  if (stream.metadata('hasleader') !== 'true') return () => {};
  let impatience: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (replica.status().leader !== undefined) {
      clearTimeout(impatience);
      impatience = undefined;
    } else impatience ??= setTimeout(() => stream.end(etcdErrors.noLeader), leaderlessGraceMs);
  };
  look();
  const forget = replica.onLeadership(look);
  return () => {
    clearTimeout(impatience);
    forget();
  };
}
