import { setImmediate as turn } from 'node:timers/promises';
import { compareBytes } from '../../core/bytes.ts';
import {
  currentRevision,
  type EventCursor,
  type KeyRange,
  machineView,
  newSlice,
  readEvents,
} from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import { etcdErrors, refusedFailure } from './errors.ts';
import { until } from './until.ts';

/** Waits for the first revision after `revision` that changes a key in the range; the present one when it is gone. */
export async function nextChange(
  replica: ReplicaHandle,
  range: KeyRange,
  revision: bigint,
  call: Call,
): Promise<bigint | Failure> {
  let from: EventCursor = { revision: Number(revision) + 1, order: 0 };
  for (;;) {
    const failure = await until(replica, (store) => currentRevision(store) >= from.revision, call);
    if (failure !== undefined) return failure;
    const found = lookAhead(replica, range, from);
    if (found instanceof Failure || typeof found === 'bigint') return found;
    from = found;
    await turn();
    if (call.cancelled) return etcdErrors.cancelled;
  }
}

/** One slice: the revision of the change, or where to go on. */
function lookAhead(
  replica: ReplicaHandle,
  range: KeyRange,
  from: EventCursor,
): bigint | EventCursor | Failure {
  const state = replica.peek();
  if (state === undefined) return refusedFailure('stopping');
  const store = machineView(state);
  const present = currentRevision(store);
  let found: bigint | undefined;
  const read = readEvents(store, from, Number(present), newSlice(), ({ key, revision }) => {
    if (!contains(range, key)) return true;
    found = BigInt(revision);
    return false;
  });
  if (found !== undefined) return found;
  switch (read.type) {
    case 'compacted':
      return present;
    case 'more':
      return read.next;
    case 'done':
      return { revision: Number(present) + 1, order: 0 };
  }
}

const contains = ({ from, to }: KeyRange, key: Uint8Array): boolean =>
  compareBytes(from, key) <= 0 && (to === undefined || compareBytes(key, to) < 0);
