import { assertNever } from '../../core/assert.ts';
import { compareBytes } from '../../core/bytes.ts';
import { compareInt64 } from './int64.ts';
import { decodeRecord, type LiveRecord } from './records.ts';
import type { Compare } from './requests.ts';
import { KeyScan } from './scan.ts';
import type { Sliced, Turn } from './slices.ts';

/** Whether a comparison holds at the revision `present`. */
export function* evaluate(turn: Turn, compare: Compare, present: number): Sliced<boolean> {
  let keys = 0;
  let holds = true;
  const scan = new KeyScan(compare.range, present);
  const visit = (version: Uint8Array, bytes: Uint8Array): void => {
    const record = decodeRecord(version, bytes);
    if (record === undefined) return;
    keys++;
    holds &&= holdsFor(compare, record);
  };
  for (;;) {
    scan.advance(turn.store, turn.slice, visit);
    if (scan.done || !holds) break;
    yield;
  }
  return keys === 0 ? holdsForMissing(compare) : holds;
}

function holdsFor(compare: Compare, record: LiveRecord): boolean {
  switch (compare.target) {
    case 'value':
      return related(compare.relation, compareBytes(record.value, compare.operand));
    case 'version':
      return related(compare.relation, compareInt64(BigInt(record.version), compare.operand));
    case 'create':
      return related(compare.relation, compareInt64(BigInt(record.createRevision), compare.operand));
    case 'mod':
      return related(compare.relation, compareInt64(BigInt(record.revision), compare.operand));
    case 'lease':
      return related(compare.relation, compareInt64(record.lease, compare.operand));
    default:
      return assertNever(compare);
  }
}

function holdsForMissing(compare: Compare): boolean {
  return compare.target !== 'value' && related(compare.relation, compareInt64(0n, compare.operand));
}

function related(relation: Compare['relation'], difference: number): boolean {
  switch (relation) {
    case 'equal':
      return difference === 0;
    case 'notEqual':
      return difference !== 0;
    case 'greater':
      return difference > 0;
    case 'less':
      return difference < 0;
    default:
      return assertNever(relation);
  }
}
