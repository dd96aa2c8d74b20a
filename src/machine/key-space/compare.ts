import { assertNever } from '../../core/assert.ts';
import { compareBytes } from '../../core/bytes.ts';
import type { ReadStore } from '../../core/store.ts';
import type { LiveRecord } from './records.ts';
import type { Compare } from './requests.ts';
import { scanLive } from './scan.ts';

/** Whether a comparison holds at the revision `present`. */
export function evaluate(store: ReadStore, compare: Compare, present: number): boolean {
  let keys = 0;
  let holds = true;
  scanLive(store, compare.range, present, (_, record) => {
    keys++;
    holds &&= holdsFor(compare, record);
  });
  return keys === 0 ? holdsForMissing(compare) : holds;
}

function holdsFor(compare: Compare, record: LiveRecord): boolean {
  switch (compare.target) {
    case 'value':
      return related(compare.relation, compareBytes(record.value, compare.operand));
    case 'version':
      return related(compare.relation, compareNumbers(BigInt(record.version), compare.operand));
    case 'create':
      return related(compare.relation, compareNumbers(BigInt(record.createRevision), compare.operand));
    case 'mod':
      return related(compare.relation, compareNumbers(BigInt(record.revision), compare.operand));
    case 'lease':
      return related(compare.relation, compareNumbers(record.lease, compare.operand));
    default:
      return assertNever(compare);
  }
}

function holdsForMissing(compare: Compare): boolean {
  return compare.target !== 'value' && related(compare.relation, compareNumbers(0n, compare.operand));
}

function compareNumbers(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
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
