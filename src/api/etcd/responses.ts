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
  // The answers inside carry the revision alone.
  const inner = { clusterId: 0n, memberId: 0n, revision: header.revision, raftTerm: 0n };
  return {
    header,
    succeeded: result.succeeded,
    responses: result.results.map((operation) => ({ response: operationResponse(inner, operation) })),
  };
}

function operationResponse(header: pb.ResponseHeader, result: OperationResult): pb.ResponseOp['response'] {
  switch (result.type) {
    case 'range':
      return { $case: 'responseRange', value: rangeResponse(header, result) };
    case 'put':
      return { $case: 'responsePut', value: putResponse(header, result) };
    case 'delete':
      return { $case: 'responseDeleteRange', value: deleteResponse(header, result) };
    case 'txn':
      return { $case: 'responseTxn', value: txnResponse(header, result) };
    default:
      return assertNever(result);
  }
}
