import { TxnRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { JsonMismatch, messageFromJson } from '../../api/etcd/json.ts';
import { TxnSyntaxError } from './syntax.ts';

/** Reads a TxnRequest as etcd's JSON gateway takes it; throws `TxnSyntaxError`. */
export function parseJsonTxn(text: string): TxnRequest {
  try {
    return messageFromJson(TxnRequest, JSON.parse(text));
  } catch (error) {
    const what = error instanceof JsonMismatch ? '' : 'the JSON cannot be read: ';
    throw new TxnSyntaxError(1, `${what}${(error as Error).message}`);
  }
}
