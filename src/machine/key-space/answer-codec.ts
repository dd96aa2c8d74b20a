import { assertNever } from '../../core/assert.ts';
import { decode, Malformed, type Reader, Writer } from '../../core/codec.ts';
import { maxTxnOperations } from '../../core/limits.ts';
import { isControl, readControlResult, writeControlResult } from './control-codec.ts';
import {
  type KeyAnswer,
  type KeyError,
  type KeyValue,
  keyErrorCodes,
  type OperationResult,
} from './requests.ts';

/** Tags are never reused: answers are kept in the store for repeated commands. Those from 6 on are in control-codec.ts. */
const tag = { put: 1, delete: 2, txn: 3, range: 4, error: 5 } as const;

/** As commands nest, so do their answers. */
const maxDepth = maxTxnOperations + 2;

export function encodeAnswer(answer: KeyAnswer): Uint8Array {
  const writer = new Writer(16).uint(Number(answer.revision));
  if (isControl(answer.result)) writeControlResult(writer, answer.result);
  else writeResult(writer, answer.result);
  return writer.finish();
}

/** `Malformed` when the bytes are not an answer of this version. Keys and values are views of `bytes`. */
export function decodeAnswer(bytes: Uint8Array): KeyAnswer | Malformed {
  return decode(bytes, (reader) => {
    const revision = BigInt(reader.uint());
    const found = reader.u8();
    return { revision, result: readControlResult(reader, found) ?? readResult(reader, 0, found) };
  });
}

function writeResult(writer: Writer, result: OperationResult | KeyError): void {
  switch (result.type) {
    case 'put':
      writePairs(writer.u8(tag.put), result.previous === undefined ? [] : [result.previous]);
      return;
    case 'delete':
      writePairs(writer.u8(tag.delete).uint(result.deleted), result.previous);
      return;
    case 'range':
      writePairs(writer.u8(tag.range).bool(result.more).uint(result.count), result.pairs);
      return;
    case 'txn':
      writer.u8(tag.txn).bool(result.succeeded).uint(result.results.length);
      for (const inner of result.results) writeResult(writer, inner);
      return;
    case 'error':
      writer.u8(tag.error).u8(keyErrorCodes.indexOf(result.code));
      return;
    default:
      assertNever(result);
  }
}

function readResult(reader: Reader, depth: number, found: number): OperationResult | KeyError {
  if (found !== tag.error) return readOperationResult(reader, depth, found);
  const code = keyErrorCodes[reader.u8()];
  if (code === undefined) throw new Malformed('unknown error code');
  return { type: 'error', code };
}

function readOperationResult(reader: Reader, depth: number, found: number): OperationResult {
  switch (found) {
    case tag.put: {
      const pairs = readPairs(reader);
      if (pairs.length > 1) throw new Malformed(`${pairs.length} pairs before a put`);
      return { type: 'put', previous: pairs[0] };
    }
    case tag.delete:
      return { type: 'delete', deleted: reader.uint(), previous: readPairs(reader) };
    case tag.range:
      return { type: 'range', more: reader.bool(), count: reader.uint(), pairs: readPairs(reader) };
    case tag.txn: {
      if (depth === maxDepth) throw new Malformed('results nest too deep');
      const succeeded = reader.bool();
      const results: OperationResult[] = [];
      for (let left = reader.count(2); left > 0; left--)
        results.push(readOperationResult(reader, depth + 1, reader.u8()));
      return { type: 'txn', succeeded, results };
    }
    default:
      throw new Malformed(`unknown result ${found}`);
  }
}

function writePairs(writer: Writer, pairs: readonly KeyValue[]): void {
  writer.uint(pairs.length);
  for (const pair of pairs) {
    writer
      .bytes(pair.key)
      .bytes(pair.value)
      .uint(Number(pair.createRevision))
      .uint(Number(pair.modRevision))
      .uint(Number(pair.version))
      .i64(pair.lease);
  }
}

function readPairs(reader: Reader): KeyValue[] {
  const pairs: KeyValue[] = [];
  for (let left = reader.count(13); left > 0; left--) {
    pairs.push({
      key: reader.bytes(),
      value: reader.bytes(),
      createRevision: BigInt(reader.uint()),
      modRevision: BigInt(reader.uint()),
      version: BigInt(reader.uint()),
      lease: reader.i64(),
    });
  }
  return pairs;
}
