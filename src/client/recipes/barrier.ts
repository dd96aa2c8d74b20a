import type { CallOptions, Coordination } from '../coordination.ts';
import { op, when } from '../operations.ts';
import { pictureOf } from './mirror.ts';

/** Everyone who waits goes on when it is opened. It is a key, and stays closed whoever dies. */
export interface Barrier {
  /** Closes it; no matter if it is closed already. */
  close(options?: CallOptions): Promise<void>;
  /** Lets everyone go on; no matter if it is open already. */
  open(options?: CallOptions): Promise<void>;
  /** Resolves when it is open: at once, if it is. */
  wait(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

export function barrier(coordination: Coordination, name: string): Barrier {
  return {
    async close(options) {
      await coordination.txn({ if: [when.missing(name)], do: [op.put(name, '')] }, options);
    },
    async open(options) {
      await coordination.del(name, options);
    },
    async wait(options = {}) {
      await pictureOf(coordination, { key: name }, options.signal, ({ entries }) => !entries.has(name));
    },
  };
}
