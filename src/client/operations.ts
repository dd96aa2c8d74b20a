import type { Bytes } from './bytes.ts';
import type {
  Condition,
  DeleteOperation,
  GetOperation,
  Lease,
  PutOperation,
  RangeOperation,
  RangeView,
  Relation,
  Selection,
} from './coordination.ts';

/** What a transaction does. */
export const op = {
  put: (key: Bytes, value: Bytes, lease?: Lease | bigint): PutOperation => ({
    type: 'put',
    key,
    value,
    lease: leaseId(lease),
  }),
  get: (key: Bytes): GetOperation => ({ type: 'get', key }),
  range: (query: Selection & RangeView): RangeOperation => ({ type: 'range', query }),
  del: (what: Bytes | Selection): DeleteOperation => ({ type: 'delete', selection: selectionOf(what) }),
};

type Number = 'version' | 'create' | 'mod' | 'lease';

const number =
  (target: Number) =>
  (what: Bytes | Selection, relation: Relation, operand: bigint): Condition => ({
    target,
    selection: selectionOf(what),
    relation,
    operand,
  });

/** What a transaction depends on. Over a selection of many keys a condition has to hold for each of them. */
export const when = {
  version: number('version'),
  createRevision: number('create'),
  modRevision: number('mod'),
  lease: number('lease'),
  value: (what: Bytes | Selection, relation: Relation, operand: Bytes): Condition => ({
    target: 'value',
    selection: selectionOf(what),
    relation,
    operand,
  }),
  exists: (key: Bytes): Condition => when.createRevision(key, '>', 0n),
  /** Of a selection: none of its keys is there. */
  missing: (what: Bytes | Selection): Condition => when.createRevision(what, '=', 0n),
};

export const leaseId = (lease: Lease | bigint | undefined): bigint =>
  typeof lease === 'object' ? lease.id : (lease ?? 0n);

export const selectionOf = (what: Bytes | Selection): Selection =>
  typeof what === 'string' || what instanceof Uint8Array ? { key: what } : what;
