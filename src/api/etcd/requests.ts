import { assertNever } from '../../core/assert.ts';
import { emptyBytes } from '../../core/bytes.ts';
import {
  type Compare,
  type DeleteRequest,
  type KeyRange,
  type Operation,
  type PutRequest,
  type RangeRequest,
  type SortTarget,
  singleKey,
  type TxnRequest,
} from '../../machine/key-space/index.ts';
import { maxTxnDepth } from '../limits.ts';
import { Code, Failure } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import type * as pb from './gen/etcdserverpb/rpc.ts';

/** A range as etcd writes it: an empty end means the key alone, one zero byte means everything from the key on. */
export function keyRange(key: Uint8Array, rangeEnd: Uint8Array): KeyRange {
  if (rangeEnd.length === 0) return singleKey(key);
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { from: key, to: undefined };
  return { from: key, to: rangeEnd };
}

// By number in protobuf; what is not there came from a client that knows more than we do.
const sortTargets: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const sortOrders: readonly string[] = ['none', 'ascending', 'descending'];
const relations: readonly Compare['relation'][] = ['equal', 'greater', 'less', 'notEqual'];
const compareTargets: readonly Compare['target'][] = ['version', 'create', 'mod', 'value', 'lease'];

/** Here and below, what is wrong with keys and operations is left to the key space to say. */
export function rangeRequest(request: pb.RangeRequest): RangeRequest | Failure {
  const target = sortTargets[request.sortTarget];
  const order = sortOrders[request.sortOrder];
  if (target === undefined || order === undefined) return etcdErrors.invalidSortOption;
  // A target other than the key without an order means ascending; the key ascending is the natural order.
  const descending = order === 'descending';
  return {
    type: 'range',
    range: keyRange(request.key, request.rangeEnd),
    limit: limit(request.limit),
    revision: request.revision,
    sort: target === 'key' && !descending ? undefined : { target, descending },
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: request.minModRevision,
    maxModRevision: request.maxModRevision,
    minCreateRevision: request.minCreateRevision,
    maxCreateRevision: request.maxCreateRevision,
  };
}

/** A negative limit is none, and so is one above all that could be there. */
function limit(requested: bigint): number {
  return requested <= 0n || requested > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(requested);
}

export function putRequest(request: pb.PutRequest): PutRequest {
  return {
    type: 'put',
    key: request.key,
    value: request.value,
    lease: request.lease,
    previous: request.prevKv,
    ignoreValue: request.ignoreValue,
    ignoreLease: request.ignoreLease,
  };
}

export function deleteRequest(request: pb.DeleteRangeRequest): DeleteRequest {
  return { type: 'delete', range: keyRange(request.key, request.rangeEnd), previous: request.prevKv };
}

/** The nesting is bounded here already, since all that follows recurs. */
export function txnRequest(request: pb.TxnRequest, depth = 1): TxnRequest | Failure {
  if (depth > maxTxnDepth) return etcdErrors.tooManyOperations;
  const compare = translateAll(request.compare, compareRequest);
  if (compare instanceof Failure) return compare;
  const success = translateAll(request.success, (operation) => operationRequest(operation, depth));
  if (success instanceof Failure) return success;
  const failure = translateAll(request.failure, (operation) => operationRequest(operation, depth));
  if (failure instanceof Failure) return failure;
  return { type: 'txn', compare, success, failure };
}

function translateAll<T, U>(items: readonly T[], translate: (item: T) => U | Failure): U[] | Failure {
  const translated: U[] = [];
  for (const item of items) {
    const result = translate(item);
    if (result instanceof Failure) return result;
    translated.push(result);
  }
  return translated;
}

function operationRequest({ request }: pb.RequestOp, depth: number): Operation | Failure {
  if (request === undefined) return etcdErrors.keyNotFound;
  switch (request.$case) {
    case 'requestRange':
      return rangeRequest(request.value);
    case 'requestPut':
      return putRequest(request.value);
    case 'requestDeleteRange':
      return deleteRequest(request.value);
    case 'requestTxn':
      return txnRequest(request.value, depth + 1);
    default:
      return assertNever(request);
  }
}

const unionCases = {
  version: 'version',
  create: 'createRevision',
  mod: 'modRevision',
  lease: 'lease',
} as const;

function compareRequest(compare: pb.Compare): Compare | Failure {
  const range = keyRange(compare.key, compare.rangeEnd);
  const relation = relations[compare.result];
  const target = compareTargets[compare.target];
  if (relation === undefined || target === undefined) {
    return new Failure(Code.invalidArgument, 'etcdserver: unknown comparison in txn request');
  }
  // An operand for another target than the one that is named counts as none, which is zero or empty.
  const { targetUnion } = compare;
  if (target === 'value') {
    const operand = targetUnion?.$case === 'value' ? targetUnion.value : emptyBytes;
    return { range, target, relation, operand };
  }
  const named = targetUnion !== undefined && targetUnion.$case === unionCases[target];
  const operand = named ? targetUnion.value : 0n;
  return { range, target, relation, operand };
}

/** True when the ranges of a transaction, of which it has some, ask for no agreement of the others; comparisons cannot say. */
export function isSerializable(request: pb.TxnRequest): boolean {
  const ranges = [...rangesOf(request)];
  return ranges.length > 0 && ranges.every(({ serializable }) => serializable);
}

function* rangesOf({ success, failure }: pb.TxnRequest): Generator<pb.RangeRequest, undefined, undefined> {
  for (const { request } of [...success, ...failure]) {
    if (request?.$case === 'requestRange') yield request.value;
    else if (request?.$case === 'requestTxn') yield* rangesOf(request.value);
  }
}
