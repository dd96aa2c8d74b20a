import type { ReplicaHandle } from '../../replica/types.ts';
import type { BidiStream } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';

/**
 * Ends a stream as soon as there is no leader, when its client has asked for that (`hasleader`): it would rather look
 * elsewhere than wait. To be called in `open`; what is returned is to be called when the stream is closed.
 */
export function requireLeader(replica: ReplicaHandle, stream: BidiStream): () => void {
  if (stream.metadata('hasleader') !== 'true') return () => {};
  const look = (): void => {
    if (replica.status().leader === undefined) stream.end(etcdErrors.noLeader);
  };
  look();
  return replica.onLeadership(look);
}
