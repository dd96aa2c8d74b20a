import type { ReplicaCore } from '../replica/replica-core.ts';
import type { Host } from './host.ts';

type NotReady = { readonly type: 'refused'; readonly reason: 'notReady' };

/** What clients have asked of the process on a host. Each is answered once: by the replica, or by the end of the process. */
export class Calls {
  readonly #host: Host;
  readonly #open = new Set<() => void>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Refused by a machine that is not up, waiting at one that is stopped. `lost` settles it when the process is gone. */
  receive<T>(
    core: () => ReplicaCore | undefined,
    settle: (outcome: T | NotReady) => void,
    lost: () => void,
    call: (core: ReplicaCore, answer: (outcome: T) => void) => void,
  ): void {
    if (this.#host.state === 'down') return settle({ type: 'refused', reason: 'notReady' });
    this.#open.add(lost);
    const answer = (outcome: T | NotReady): void => {
      if (this.#open.delete(lost)) settle(outcome);
    };
    this.#host.guard(() => {
      const running = core();
      if (running === undefined) answer({ type: 'refused', reason: 'notReady' });
      else call(running, answer);
    })();
  }

  gone(): void {
    for (const lost of this.#open) lost();
    this.#open.clear();
  }
}
