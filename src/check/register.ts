import type { Operation } from './history.ts';

/** What clients ask of one register, and what reads are told. Undefined is the value before any write. */
export type RegisterInput =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: string | undefined };

export type RegisterOperation = Operation<RegisterInput, string | undefined>;

/** `illegal`: this read cannot have returned what it did. */
export type RegisterVerdict =
  | { readonly type: 'ok' }
  | { readonly type: 'illegal'; readonly read: RegisterOperation; readonly explanation: string };

/**
 * A safe register (Lamport 1986): a read that no write touches returns the value of the last write before it. One that a
 * write touches may return anything that the register can hold, so it says nothing.
 */
export const checkSafe = (history: readonly RegisterOperation[]): RegisterVerdict => check(history, 'safe');

/**
 * A regular register (Lamport 1986); with several writers, weakly regular (Shao, Pierce and Welch 2011): a read returns the
 * value of a write that began before it ended, and that no other write followed completely before it began.
 */
export const checkRegular = (history: readonly RegisterOperation[]): RegisterVerdict =>
  check(history, 'regular');

function check(history: readonly RegisterOperation[], level: 'safe' | 'regular'): RegisterVerdict {
  const writes = history.filter(({ input }) => input.type === 'write');
  for (const read of history) {
    if (read.input.type !== 'read' || read.return === undefined) continue;
    if (level === 'safe' && writes.some((write) => touches(write, read))) continue;
    if (allowed(read, writes).includes(read.output)) continue;
    const explanation = `the read of client ${read.client} at [${read.call}, ${read.return}] returned ${show(read.output)}; it may return ${[
      ...new Set(allowed(read, writes).map(show)),
    ].join(', ')}`;
    return { type: 'illegal', read, explanation };
  }
  return { type: 'ok' };
}

const endOf = (operation: RegisterOperation): number => operation.return ?? Number.POSITIVE_INFINITY;

const touches = (write: RegisterOperation, read: RegisterOperation): boolean =>
  write.call <= endOf(read) && endOf(write) >= read.call;

/** The values of the writes that a regular read may return. */
function allowed(read: RegisterOperation, writes: readonly RegisterOperation[]): (string | undefined)[] {
  const before = writes.filter((write) => endOf(write) < read.call);
  const followed = (write: RegisterOperation): boolean => before.some((other) => endOf(write) < other.call);
  const candidates = writes.filter((write) => write.call <= endOf(read) && !followed(write));
  const values = candidates.map(({ input }) => (input.type === 'write' ? input.value : undefined));
  return before.length === 0 ? [undefined, ...values] : values;
}

const show = (value: string | undefined): string => value ?? 'nothing';
