import type { KeyRange } from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import type { WatchHub } from '../../replica/watches/hub.ts';
import { abandonedCallCheckMs } from '../limits.ts';
import { type Call, type Failure, internalError } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import { endOfWait } from './until.ts';

/** What is waited for. */
export interface Awaited {
  readonly range: KeyRange;
  /** What came until then is known. */
  readonly after: bigint;
  /** Changes count too, and not only deletions. */
  readonly puts: boolean;
}

/** Waits for changes of keys as watchers do: a caller costs nothing until a key of his changes. */
export class Changes {
  readonly #replica: ReplicaHandle;
  readonly #hub: WatchHub;

  constructor(replica: ReplicaHandle, hub: WatchHub) {
    this.#replica = replica;
    this.#hub = hub;
  }

  /** The revision of the first change; a later one when its revision is compacted. */
  next({ range, after, puts }: Awaited, call: Call): Promise<bigint | Failure> {
    return new Promise((resolve) => {
      const end = (outcome: bigint | Failure): void => {
        clearInterval(impatience);
        stream.close();
        resolve(outcome);
      };
      const stream = this.#hub.stream({
        events: (_watch, [first]) => {
          if (first !== undefined) end(BigInt(first.revision));
          return true;
        },
        progress: () => true,
        compacted: (_watch, revision) => {
          end(BigInt(revision));
          return true;
        },
        failed: () => end(internalError),
      });
      const impatience = setInterval(() => {
        const failure = endOfWait(this.#replica, call);
        if (failure !== undefined) end(failure);
      }, abandonedCallCheckMs);
      const start = Number(after) + 1;
      const request = { range, start, puts, deletes: true, previous: false, progress: false };
      const added = stream.watch(0n, request);
      if (added.type !== 'watching') end(endOfWait(this.#replica, call) ?? etcdErrors.tooManyRequests);
    });
  }
}
