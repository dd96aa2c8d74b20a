import { assertNever } from '../../core/assert.ts';
import type {
  DeleteResult,
  OperationResult,
  PutResult,
  RangeResult,
  TxnResult,
} from '../../machine/key-space/index.ts';
import type * as pb from './gen/etcdserverpb/rpc.ts';

// A pair has the same fields in the key space and in protobuf: none is copied.

export function rangeResponse(header: pb.ResponseHeader, result: RangeResult): pb.RangeResponse {
  return { header, kvs: [...result.pairs], more: result.more, count: BigInt(result.count) };
}

export function putResponse(header: pb.ResponseHeader, result: PutResult): pb.PutResponse {
  return { header, prevKv: result.previous };
}

export function deleteResponse(header: pb.ResponseHeader, result: DeleteResult): pb.DeleteRangeResponse {
  return { header, deleted: BigInt(result.deleted), prevKvs: [...result.previous] };
}

export function txnResponse(header: pb.ResponseHeader, result: TxnResult): pb.TxnResponse {
  const own = header.revision;
  return { header, ...branchResponse(result, { revision: writes(result) ? own - 1n : own, own }) };
}

/** How far the answers of a transaction have come: those before its first write carry the revision before its own. */
interface Progress {
  revision: bigint;
  readonly own: bigint;
}

function writes(result: OperationResult): boolean {
  if (result.type === 'txn') return result.results.some(writes);
  return result.type === 'put' || (result.type === 'delete' && result.deleted > 0);
}

function branchResponse(
  { succeeded, results }: TxnResult,
  progress: Progress,
): Omit<pb.TxnResponse, 'header'> {
  return {
    succeeded,
    responses: results.map((operation) => ({ response: operationResponse(operation, progress) })),
  };
}

/** The answers inside carry the revision alone, and those of transactions not even that. */
const innerHeader = (revision: bigint): pb.ResponseHeader => ({
  clusterId: 0n,
  memberId: 0n,
  revision,
  raftTerm: 0n,
});

function operationResponse(result: OperationResult, progress: Progress): pb.ResponseOp['response'] {
  if (result.type === 'txn')
    return { $case: 'responseTxn', value: { header: innerHeader(0n), ...branchResponse(result, progress) } };
  if (writes(result)) progress.revision = progress.own;
  const header = innerHeader(progress.revision);
  switch (result.type) {
    case 'range':
      return { $case: 'responseRange', value: rangeResponse(header, result) };
    case 'put':
      return { $case: 'responsePut', value: putResponse(header, result) };
    case 'delete':
      return { $case: 'responseDeleteRange', value: deleteResponse(header, result) };
    default:
      return assertNever(result);
  }
}
