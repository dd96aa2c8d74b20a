import type { Bytes } from '../bytes.ts';
import type { CallOptions, Condition, Coordination } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { FirstSeat } from './first-seat.ts';
import { mirror } from './mirror.ts';
import { Seat, type SeatOptions } from './seat.ts';

export type ElectOptions = SeatOptions;

/** A won election. As with a lock, hand `fence` on, or put `condition` into transactions. */
export interface Leadership extends AsyncDisposable {
  /** Greater than that of every leader before. */
  readonly fence: bigint;
  readonly key: string;
  /** Fires when the leadership is given up, taken away, or may be lost by our own clock. */
  readonly lost: AbortSignal;
  /** Holds in a transaction as long as we lead, whatever this process believes. */
  readonly condition: Condition;
  /** Says something else to those who observe; rejects with code `leaseLost` when we do not lead any more. */
  proclaim(value: Bytes, options?: CallOptions): Promise<void>;
  /** Lets the next candidate lead. `await using` does the same, and leaves a failure to the time to live. */
  resign(options?: CallOptions): Promise<void>;
}

/**
 * Stands for election and resolves when it is won; candidates win in the order in which they came. `value` is what
 * observers see: an address, or a name.
 */
export async function elect(
  coordination: Coordination,
  name: string,
  value: Bytes,
  options: ElectOptions = {},
): Promise<Leadership> {
  const seat = await Seat.take(coordination, name, value, options);
  return new WonElection(await seat.first(options.signal));
}

class WonElection extends FirstSeat implements Leadership {
  proclaim(value: Bytes, options: CallOptions = {}): Promise<void> {
    return this.seat.update(value, options);
  }

  resign(options?: CallOptions): Promise<void> {
    return this.seat.leave(options);
  }
}

/** Who leads now, if anybody does. */
export async function leader(
  coordination: Coordination,
  name: string,
  options: CallOptions = {},
): Promise<Entry | undefined> {
  const { entries } = await coordination.range(
    { prefix: `${name}/`, sort: { by: 'create' }, limit: 1 },
    options,
  );
  return entries[0];
}

/** Who leads now, and after each change of leader or of what the leader says; undefined while nobody does. */
export async function* observe(
  coordination: Coordination,
  name: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Entry | undefined, void, undefined> {
  let told: Entry | undefined | null = null;
  for await (const { entries } of mirror(coordination, { prefix: `${name}/` }, options.signal)) {
    const leading = eldest(entries.values());
    if (told !== null && told?.modRevision === leading?.modRevision) continue;
    told = leading;
    yield leading;
  }
}

function eldest(entries: Iterable<Entry>): Entry | undefined {
  let first: Entry | undefined;
  for (const entry of entries) {
    if (first === undefined || entry.createRevision < first.createRevision) first = entry;
  }
  return first;
}
