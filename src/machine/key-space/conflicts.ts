import { assertNever } from '../../core/assert.ts';
import { compareBytes, lowerBound } from '../../core/bytes.ts';
import type { KeyRange } from './key-range.ts';
import type { Operation, TxnRequest } from './requests.ts';

/** What operations may write: keys in order and without repetition, and ranges. */
interface Footprint {
  readonly puts: readonly Uint8Array[];
  readonly deletes: readonly KeyRange[];
}

const nothing: Footprint = { puts: [], deletes: [] };

/**
 * True when one path through a transaction puts a key twice, or puts a key that it also deletes, in whatever order: a
 * key changes at most once in a revision. Branches of one transaction are never on one path.
 */
export function hasConflict(txn: TxnRequest): boolean {
  return txnFootprint(txn) === undefined;
}

/** Undefined when there is a conflict. */
function txnFootprint(txn: TxnRequest): Footprint | undefined {
  const success = branchFootprint(txn.success);
  const failure = branchFootprint(txn.failure);
  if (success === undefined || failure === undefined) return undefined;
  return union(success, failure).footprint;
}

function branchFootprint(operations: readonly Operation[]): Footprint | undefined {
  let whole = nothing;
  for (const operation of operations) {
    const part = operationFootprint(operation);
    if (part === undefined) return undefined;
    if (part === nothing) continue;
    if (deletesSome(whole.deletes, part.puts) || deletesSome(part.deletes, whole.puts)) return undefined;
    const { footprint, disjoint } = union(whole, part);
    if (!disjoint) return undefined;
    whole = footprint;
  }
  return whole;
}

function operationFootprint(operation: Operation): Footprint | undefined {
  switch (operation.type) {
    case 'range':
      return nothing;
    case 'put':
      return { puts: [operation.key], deletes: [] };
    case 'delete':
      return { puts: [], deletes: [operation.range] };
    case 'txn':
      return txnFootprint(operation);
    default:
      return assertNever(operation);
  }
}

/** `disjoint`: no key is put by both. */
function union(a: Footprint, b: Footprint): { footprint: Footprint; disjoint: boolean } {
  if (a === nothing) return { footprint: b, disjoint: true };
  if (b === nothing) return { footprint: a, disjoint: true };
  const puts: Uint8Array[] = [];
  let disjoint = true;
  let inA = 0;
  let inB = 0;
  while (inA < a.puts.length && inB < b.puts.length) {
    const nextA = a.puts[inA] as Uint8Array;
    const nextB = b.puts[inB] as Uint8Array;
    const difference = compareBytes(nextA, nextB);
    if (difference === 0) disjoint = false;
    puts.push(difference <= 0 ? nextA : nextB);
    if (difference <= 0) inA++;
    if (difference >= 0) inB++;
  }
  for (; inA < a.puts.length; inA++) puts.push(a.puts[inA] as Uint8Array);
  for (; inB < b.puts.length; inB++) puts.push(b.puts[inB] as Uint8Array);
  return { footprint: { puts, deletes: [...a.deletes, ...b.deletes] }, disjoint };
}

function deletesSome(deletes: readonly KeyRange[], puts: readonly Uint8Array[]): boolean {
  if (puts.length === 0) return false;
  return deletes.some(({ from, to }) => {
    const first = puts[lowerBound(puts, from)];
    return first !== undefined && (to === undefined || compareBytes(first, to) < 0);
  });
}
