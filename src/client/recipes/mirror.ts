import type { Coordination, Event, Selection } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { CoordinationError } from '../errors.ts';
import { never, pause } from '../pause.ts';
import { mayPass, retryMs } from './retry.ts';

/** Selected keys as they were at one revision, by name. */
export interface Picture {
  readonly revision: bigint;
  readonly entries: ReadonlyMap<string, Entry>;
}

/**
 * What is selected, now and after each revision that changes it; `entries` is good until the next picture is asked for. Where history is compacted before it was seen, some
 * pictures are left out, and the next one is the present. Ends when `signal` fires.
 */
export async function* mirror(
  coordination: Coordination,
  selection: Selection,
  signal: AbortSignal | undefined,
): AsyncGenerator<Picture, void, undefined> {
  const over = (): boolean => signal?.aborted === true;
  while (!over()) {
    try {
      const entries = new Map<string, Entry>();
      const present = await coordination.range(selection, { signal });
      for (const entry of present.entries) entries.set(entry.name, entry);
      yield { revision: present.revision, entries };
      const watch = coordination.watch({ ...selection, fromRevision: present.revision + 1n, signal });
      for await (const { revision, events } of watch.changes()) {
        for (const event of events) apply(event, entries);
        yield { revision, entries };
      }
    } catch (error) {
      if (over()) return;
      if (!mayPass(error)) throw error;
      await pause(retryMs, signal ?? never);
    }
  }
}

/** The first picture that `wanted` holds for. Rejects with code `aborted` when `signal` fires first. */
export async function pictureOf(
  coordination: Coordination,
  selection: Selection,
  signal: AbortSignal | undefined,
  wanted: (picture: Picture) => boolean | Promise<boolean>,
): Promise<Picture> {
  for await (const picture of mirror(coordination, selection, signal)) {
    if (await wanted(picture)) return picture;
  }
  throw new CoordinationError('aborted', 'refused', 'given up waiting', { cause: signal?.reason });
}

function apply(event: Event, entries: Map<string, Entry>): void {
  if (event.entry === undefined) entries.delete(event.name);
  else entries.set(event.name, event.entry);
}
