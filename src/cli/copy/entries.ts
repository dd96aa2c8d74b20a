import { type Client, codeOf, type Entry, type Selection } from '../../client/index.ts';
import { prefixEnd } from '../../client/key-range.ts';
import { compareBytes } from '../../core/bytes.ts';

/** A call waits so long for servers that change their leader, or come back. */
export const patienceMs = 30_000;

/** Entries in one answer; less where values are large. */
const pageEntries = 512;

interface ReadOptions {
  readonly prefix: Uint8Array;
  /** Of the past; undefined: each page as it is when it is read. */
  readonly revision: bigint | undefined;
  readonly signal: AbortSignal;
}

/** All entries that begin with `prefix`, in the order of their keys. */
export async function* entriesOf(
  client: Client,
  { prefix, revision, signal }: ReadOptions,
): AsyncGenerator<Entry, void, undefined> {
  let limit = pageEntries;
  let after: Uint8Array | undefined;
  for (;;) {
    try {
      const page = await client.range(
        { ...behind(prefix, after), limit, revision },
        { signal, deadlineMs: patienceMs },
      );
      yield* page.entries;
      after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) return;
    } catch (error) {
      if (codeOf(error) !== 'tooLarge' || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
    }
  }
}

function behind(prefix: Uint8Array, after: Uint8Array | undefined): Selection {
  if (after === undefined) return { prefix };
  const from = new Uint8Array(after.length + 1);
  from.set(after);
  return { from, to: prefixEnd(prefix) };
}

/** How a key is in two places. */
export type Comparison =
  | { readonly type: 'both'; readonly source: Entry; readonly target: Entry }
  | { readonly type: 'source'; readonly source: Entry }
  | { readonly type: 'target'; readonly target: Entry };

/** Goes through both, which are in the order of their keys, side by side. */
export async function* compared(
  sources: AsyncIterator<Entry>,
  targets: AsyncIterator<Entry>,
): AsyncGenerator<Comparison, void, undefined> {
  let source = await next(sources);
  let target = await next(targets);
  while (source !== undefined || target !== undefined) {
    const order = source === undefined ? 1 : target === undefined ? -1 : compareBytes(source.key, target.key);
    if (order === 0 && source !== undefined && target !== undefined) yield { type: 'both', source, target };
    else if (order < 0 && source !== undefined) yield { type: 'source', source };
    else if (target !== undefined) yield { type: 'target', target };
    if (order <= 0) source = await next(sources);
    if (order >= 0) target = await next(targets);
  }
}

async function next(entries: AsyncIterator<Entry>): Promise<Entry | undefined> {
  const { done, value } = await entries.next();
  return done === true ? undefined : value;
}
