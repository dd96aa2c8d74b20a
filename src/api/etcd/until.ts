import type { ReadStore } from '../../core/store.ts';
import { machineView } from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { abandonedCallCheckMs } from '../limits.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import { etcdErrors, refusedFailure } from './errors.ts';

/**
 * Resolves when `condition` holds for the key space as this replica knows it, or with why nobody waits for that any
 * more. The condition is looked at after every turn that applied something: it is to be quick.
 */
export function until(
  replica: ReplicaHandle,
  condition: (store: ReadStore) => boolean,
  call: Call,
): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    const end = (failure?: Failure): void => {
      stopListening();
      clearInterval(impatience);
      resolve(failure);
    };
    const look = (): void => {
      const failure = endOfWait(replica, call);
      const store = replica.peek();
      if (failure !== undefined || (store !== undefined && condition(machineView(store)))) end(failure);
    };
    const stopListening = replica.onApplied(look);
    const impatience = setInterval(look, abandonedCallCheckMs);
    look();
  });
}

/** Why a caller waits no longer, or undefined. */
export function endOfWait(replica: ReplicaHandle, call: Call): Failure | undefined {
  if (replica.peek() === undefined) return refusedFailure('stopping');
  if (call.cancelled) return etcdErrors.cancelled;
  if (call.remainingMs() === 0) return new Failure(Code.deadlineExceeded, 'context deadline exceeded');
  return undefined;
}
