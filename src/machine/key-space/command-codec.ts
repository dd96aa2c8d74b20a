import { assertNever } from '../../core/assert.ts';
import { emptyBytes } from '../../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../../core/codec.ts';
import { maxTxnOperations } from '../../core/limits.ts';
import { isControl, readControl, writeControl } from './control-codec.ts';
import type { KeyRange } from './key-range.ts';
import type {
  Compare,
  CompareTarget,
  DeleteRequest,
  KeyCommand,
  Operation,
  PutRequest,
  RangeRequest,
  SortTarget,
  TxnRequest,
} from './requests.ts';

/**
 * Commands as bytes: a tag, a byte of flags, then the fields that are there. Tags, flags and the places in these lists
 * are never reused: they are in journals. Tags from 5 on are in control-codec.ts.
 */
const tag = { put: 1, delete: 2, txn: 3, range: 4 } as const;
const putFlag = { previous: 1, ignoreValue: 2, ignoreLease: 4, lease: 8 } as const;
const deleteFlag = { previous: 1, endless: 2 } as const;
const rangeFlag = { keysOnly: 1, countOnly: 2, sorted: 4, descending: 8, bounded: 16, endless: 32 } as const;
const compareFlag = { endless: 1 } as const;
const sortTargets: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const compareTargets: readonly CompareTarget[] = ['version', 'create', 'mod', 'value', 'lease'];
const relations: readonly Compare['relation'][] = ['equal', 'greater', 'less', 'notEqual'];

/** A transaction that nests deeper is refused by `validate` anyway, and must not exhaust our stack before. */
const maxDepth = maxTxnOperations + 2;

export function encodeCommand(command: KeyCommand): Uint8Array {
  const capacity = command.type === 'put' ? command.key.length + command.value.length + 24 : 256;
  const writer = new Writer(capacity);
  if (isControl(command)) writeControl(writer, command);
  else writeOperation(writer, command);
  return writer.finish();
}

/** `Malformed` when the bytes are not a command of this version. Keys and values are views of `bytes`. */
export function decodeCommand(bytes: Uint8Array): KeyCommand | Malformed {
  return decode(bytes, (reader) => readCommand(reader, reader.u8()));
}

/** The command that `found` is the tag of. Throws `Malformed`. */
export function readCommand(reader: Reader, found: number): KeyCommand {
  const control = readControl(reader, found);
  if (control !== undefined) return control;
  const operation = readOperation(reader, 0, found);
  if (operation.type === 'range') throw new Malformed('a range is no command');
  return operation;
}

function writeOperation(writer: Writer, operation: Operation): void {
  switch (operation.type) {
    case 'put':
      writePut(writer, operation);
      return;
    case 'delete': {
      const { range, previous } = operation;
      writer
        .u8(tag.delete)
        .u8((previous ? deleteFlag.previous : 0) | (endless(range) ? deleteFlag.endless : 0));
      writeKeyRange(writer, range);
      return;
    }
    case 'range':
      writeRange(writer, operation);
      return;
    case 'txn':
      writeTxn(writer, operation);
      return;
    default:
      assertNever(operation);
  }
}

function readOperation(reader: Reader, depth: number, found: number): Operation {
  switch (found) {
    case tag.put:
      return readPut(reader);
    case tag.delete:
      return readDelete(reader);
    case tag.range:
      return readRange(reader);
    case tag.txn:
      if (depth === maxDepth) throw new Malformed('transactions nest too deep');
      return readTxn(reader, depth);
    default:
      throw new Malformed(`unknown operation ${found}`);
  }
}

function writePut(writer: Writer, put: PutRequest): void {
  const leased = put.lease !== 0n;
  writer
    .u8(tag.put)
    .u8(
      (put.previous ? putFlag.previous : 0) |
        (put.ignoreValue ? putFlag.ignoreValue : 0) |
        (put.ignoreLease ? putFlag.ignoreLease : 0) |
        (leased ? putFlag.lease : 0),
    )
    .bytes(put.key)
    .bytes(put.value);
  if (leased) writer.i64(put.lease);
}

function readPut(reader: Reader): PutRequest {
  const flags = readFlags(reader, 0x0f);
  const key = reader.bytes();
  const value = reader.bytes();
  return {
    type: 'put',
    key,
    value,
    lease: (flags & putFlag.lease) === 0 ? 0n : nonZero(reader.i64()),
    previous: (flags & putFlag.previous) !== 0,
    ignoreValue: (flags & putFlag.ignoreValue) !== 0,
    ignoreLease: (flags & putFlag.ignoreLease) !== 0,
  };
}

function readDelete(reader: Reader): DeleteRequest {
  const flags = readFlags(reader, 0x03);
  const range = readKeyRange(reader, (flags & deleteFlag.endless) !== 0);
  return { type: 'delete', range, previous: (flags & deleteFlag.previous) !== 0 };
}

function writeRange(writer: Writer, request: RangeRequest): void {
  const { sort } = request;
  const bounds = boundsOf(request);
  const bounded = bounds.some((bound) => bound !== 0n);
  writer
    .u8(tag.range)
    .u8(
      (request.keysOnly ? rangeFlag.keysOnly : 0) |
        (request.countOnly ? rangeFlag.countOnly : 0) |
        (sort === undefined ? 0 : rangeFlag.sorted) |
        (sort?.descending === true ? rangeFlag.descending : 0) |
        (bounded ? rangeFlag.bounded : 0) |
        (endless(request.range) ? rangeFlag.endless : 0),
    );
  writeKeyRange(writer, request.range);
  writer.uint(request.limit);
  if (sort !== undefined) writer.u8(sortTargets.indexOf(sort.target));
  if (bounded) for (const bound of bounds) writer.i64(bound);
}

function readRange(reader: Reader): RangeRequest {
  const flags = readFlags(reader, 0x3f);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const range = readKeyRange(reader, has(rangeFlag.endless));
  const limit = reader.uint();
  if (has(rangeFlag.descending) && !has(rangeFlag.sorted)) throw new Malformed('descending by nothing');
  const sort = has(rangeFlag.sorted)
    ? { target: choice(reader, sortTargets), descending: has(rangeFlag.descending) }
    : undefined;
  const bound = (): bigint => (has(rangeFlag.bounded) ? reader.i64() : 0n);
  const request: RangeRequest = {
    type: 'range',
    range,
    limit,
    revision: bound(),
    sort,
    keysOnly: has(rangeFlag.keysOnly),
    countOnly: has(rangeFlag.countOnly),
    minModRevision: bound(),
    maxModRevision: bound(),
    minCreateRevision: bound(),
    maxCreateRevision: bound(),
  };
  if (has(rangeFlag.bounded) && boundsOf(request).every((value) => value === 0n))
    throw new Malformed('bounds that bound nothing');
  return request;
}

function boundsOf(request: RangeRequest): readonly bigint[] {
  const { revision, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return [revision, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision];
}

function writeTxn(writer: Writer, txn: TxnRequest): void {
  writer.u8(tag.txn).uint(txn.compare.length);
  for (const compare of txn.compare) writeCompare(writer, compare);
  for (const branch of [txn.success, txn.failure]) {
    writer.uint(branch.length);
    for (const operation of branch) writeOperation(writer, operation);
  }
}

function readTxn(reader: Reader, depth: number): TxnRequest {
  const compare: Compare[] = [];
  for (let left = reader.count(6); left > 0; left--) compare.push(readCompare(reader));
  const branch = (): Operation[] => {
    const operations: Operation[] = [];
    for (let left = reader.count(4); left > 0; left--)
      operations.push(readOperation(reader, depth + 1, reader.u8()));
    return operations;
  };
  return { type: 'txn', compare, success: branch(), failure: branch() };
}

function writeCompare(writer: Writer, compare: Compare): void {
  writer
    .u8(compareTargets.indexOf(compare.target))
    .u8(relations.indexOf(compare.relation))
    .u8(endless(compare.range) ? compareFlag.endless : 0);
  writeKeyRange(writer, compare.range);
  if (compare.target === 'value') writer.bytes(compare.operand);
  else writer.i64(compare.operand);
}

function readCompare(reader: Reader): Compare {
  const target = choice(reader, compareTargets);
  const relation = choice(reader, relations);
  const range = readKeyRange(reader, readFlags(reader, 0x01) !== 0);
  if (target === 'value') return { range, relation, target, operand: reader.bytes() };
  return { range, relation, target, operand: reader.i64() };
}

function endless(range: KeyRange): boolean {
  return range.to === undefined;
}

function writeKeyRange(writer: Writer, range: KeyRange): void {
  writer.bytes(range.from).bytes(range.to ?? emptyBytes);
}

function readKeyRange(reader: Reader, isEndless: boolean): KeyRange {
  const from = reader.bytes();
  const to = reader.bytes();
  if (isEndless && to.length > 0) throw new Malformed('an end of an endless range');
  return { from, to: isEndless ? undefined : to };
}

function readFlags(reader: Reader, known: number): number {
  const flags = reader.u8();
  if ((flags & ~known) !== 0) throw new Malformed(`unknown flags ${flags}`);
  return flags;
}

function choice<T>(reader: Reader, choices: readonly T[]): T {
  const at = reader.u8();
  if (at >= choices.length) throw new Malformed(`choice ${at} of ${choices.length}`);
  return choices[at] as T;
}

function nonZero(value: bigint): bigint {
  if (value === 0n) throw new Malformed('a lease that is none');
  return value;
}
