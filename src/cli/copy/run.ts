import { codeOf, type Entry } from '../../client/index.ts';
import { equalBytes } from '../../core/bytes.ts';
import { refusedFailure } from '../exit-codes.ts';
import type { Store } from '../store.ts';
import { compared, entriesOf, patienceMs } from './entries.ts';
import { CarriedLeases } from './leases.ts';
import { Writer, type Written } from './writer.ts';

export interface CopyOptions {
  readonly source: Store;
  readonly target: Store;
  readonly prefix: Uint8Array;
  readonly rate: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  readonly stage: 'copying' | 'verifying';
  /** Keys of the source that were looked at, of so many. */
  readonly seen: number;
  readonly of: number;
  readonly written: Readonly<Written>;
}

export interface CopyReport {
  /** Of the source: what was copied is what was there then. */
  readonly revision: bigint;
  readonly keys: number;
  readonly copied: number;
  readonly bytes: number;
  /** In the target alone, and left there. */
  readonly extra: number;
  readonly leases: number;
  /** Keys whose leases had ended. */
  readonly expired: number;
}

/** Rounds after which the target counts as one that somebody else writes to, too. */
const maxRounds = 5;

interface Source {
  readonly revision: bigint;
  readonly keys: number;
}

interface Round {
  readonly written: Readonly<Written>;
  readonly extra: number;
}

/**
 * Makes the target's keys equal to the source's, as these were at one revision. A round goes through both side by side
 * and writes what differs; the one that finds nothing to write is the proof. So a copy that was interrupted goes on where
 * it was when it is started again.
 */
export async function copy(options: CopyOptions): Promise<CopyReport> {
  const { source, target, signal } = options;
  const leases = new CarriedLeases(source, target, signal);
  let present = await presentOf(options);
  let [copied, bytes] = [0, 0];
  for (let round = 1; round <= maxRounds; ) {
    const stage = round === 1 ? 'copying' : 'verifying';
    const writer = new Writer({ ...options, target: target.client, leases });
    try {
      const { written, extra } = await goThrough(options, { present, stage, writer });
      if (written.keys === 0 && written.contended === 0) {
        const { revision, keys } = present;
        return { revision, keys, copied, bytes, extra, leases: leases.carried, expired: written.expired };
      }
      round += 1;
    } catch (error) {
      // The rest is copied as it is now: what was written makes the next round shorter.
      if (codeOf(error) !== 'compacted' || writer.written.keys === 0) throw error;
      present = await presentOf(options);
    }
    copied += writer.written.keys;
    bytes += writer.written.bytes;
  }
  throw refusedFailure(
    'the target differs after each round: somebody else writes to the same keys. What was copied is there; end that, and copy again.',
  );
}

async function presentOf({ source, prefix, signal }: CopyOptions): Promise<Source> {
  const { revision, count } = await source.client.range(
    { prefix, countOnly: true },
    { signal, deadlineMs: patienceMs },
  );
  return { revision, keys: count };
}

interface RoundOptions {
  readonly present: Source;
  readonly stage: CopyProgress['stage'];
  readonly writer: Writer;
}

async function goThrough(
  { source, target, prefix, signal, onProgress }: CopyOptions,
  { present, stage, writer }: RoundOptions,
): Promise<Round> {
  const { revision, keys } = present;
  const sources = entriesOf(source.client, { prefix, revision, signal });
  const targets = entriesOf(target.client, { prefix, revision: undefined, signal });
  let [seen, extra] = [0, 0];
  for await (const comparison of compared(sources, targets)) {
    if (comparison.type === 'target') {
      extra += 1;
      continue;
    }
    seen += 1;
    if (comparison.type === 'source') await writer.put(comparison.source, 0n);
    else if (!same(comparison)) await writer.put(comparison.source, comparison.target.modRevision);
    onProgress({ stage, seen, of: keys, written: writer.written });
  }
  await writer.flush();
  return { written: writer.written, extra };
}

const same = ({ source, target }: { readonly source: Entry; readonly target: Entry }): boolean =>
  source.lease === target.lease && equalBytes(source.value, target.value);
