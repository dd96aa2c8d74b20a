import { randomUUID } from 'node:crypto';
import type { Bytes } from '../bytes.ts';
import type { CallOptions, Coordination } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { CoordinationError } from '../errors.ts';
import { op, when } from '../operations.ts';
import { never, pause } from '../pause.ts';
import { mayPass, retryMs } from './retry.ts';

export interface EnqueueOptions extends CallOptions {
  /** 0 to 65,535; smaller ones come out first. 32,768 by default. Equal ones come out in the order of their coming. */
  readonly priority?: number | undefined;
}

/** Items come out once each, to whoever asks first. */
export interface Queue {
  enqueue(value: Bytes, options?: EnqueueOptions): Promise<void>;
  /**
   * Takes an item out, and waits for one if there is none. It is gone from the queue then: a taker that dies takes it along.
   * An error with outcome `unknown` may have taken one, too.
   */
  dequeue(options?: { readonly signal?: AbortSignal | undefined }): Promise<Entry>;
}

const maxPriority = 65_535;
const defaultPriority = 32_768;

/** Keys are `name/<priority>/<unique>`; all keys below `name/` are taken for items. */
export function queue(coordination: Coordination, name: string): Queue {
  return {
    async enqueue(value, { priority = defaultPriority, ...options } = {}) {
      if (!Number.isInteger(priority) || priority < 0 || priority > maxPriority) {
        throw new CoordinationError(
          'invalid',
          'refused',
          `a priority is a whole number up to ${maxPriority}`,
        );
      }
      const key = `${name}/${String(priority).padStart(5, '0')}/${randomUUID()}`;
      await coordination.put(key, value, options);
    },
    async dequeue({ signal } = {}) {
      for (;;) {
        const entry = await next(coordination, name, signal);
        if (await claim(coordination, entry, signal)) return entry;
      }
    },
  };
}

/** What would come out now; waits for something, and for servers. */
async function next(
  coordination: Coordination,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Entry> {
  for (;;) {
    try {
      const { entry, revision } = await first(coordination, name, signal);
      if (entry !== undefined) return entry;
      await untilPut(coordination, name, revision + 1n, signal);
    } catch (error) {
      if (signal?.aborted === true || !mayPass(error)) throw error;
      await pause(retryMs, signal ?? never);
    }
  }
}

async function first(
  coordination: Coordination,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly entry: Entry | undefined; readonly revision: bigint }> {
  const { entries, revision } = await coordination.range(
    { prefix: `${name}/`, limit: 1, keysOnly: true },
    { signal },
  );
  const [any] = entries;
  if (any === undefined) return { entry: undefined, revision };
  const prefix = any.name.slice(0, any.name.lastIndexOf('/') + 1);
  const eldest = await coordination.range({ prefix, sort: { by: 'create' }, limit: 1 }, { signal });
  // Taken in between: look again.
  if (eldest.entries.length === 0) return first(coordination, name, signal);
  return { entry: eldest.entries[0], revision };
}

async function claim(
  coordination: Coordination,
  entry: Entry,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { succeeded } = await coordination.txn(
    { if: [when.modRevision(entry.key, '=', entry.modRevision)], do: [op.del(entry.key)] },
    { signal },
  );
  return succeeded;
}

async function untilPut(
  coordination: Coordination,
  name: string,
  fromRevision: bigint,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const event of coordination.watch({ prefix: `${name}/`, fromRevision, signal })) {
    if (event.type === 'put') return;
  }
  throw new CoordinationError('aborted', 'refused', 'given up waiting', { cause: signal?.reason });
}
