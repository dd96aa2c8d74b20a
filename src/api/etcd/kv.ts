import { isReadOnly } from '../../machine/key-space/index.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { KeyAccess } from './key-access.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';
import { deleteRequest, isSerializable, putRequest, rangeRequest, txnRequest } from './requests.ts';
import { deleteResponse, putResponse, rangeResponse, txnResponse } from './responses.ts';

/** etcdserverpb.KV: Range, Put, DeleteRange and Txn over the replicated key space. */
export class KvService {
  readonly #keys: KeyAccess;

  constructor(keys: KeyAccess) {
    this.#keys = keys;
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod('/etcdserverpb.KV/Range', '/kv/range', pb.RangeRequest, pb.RangeResponse, (request, call) =>
        this.#range(request, call),
      ),
      etcdMethod('/etcdserverpb.KV/Put', '/kv/put', pb.PutRequest, pb.PutResponse, (request, call) =>
        this.#put(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.KV/DeleteRange',
        '/kv/deleterange',
        pb.DeleteRangeRequest,
        pb.DeleteRangeResponse,
        (request, call) => this.#delete(request, call),
      ),
      etcdMethod('/etcdserverpb.KV/Txn', '/kv/txn', pb.TxnRequest, pb.TxnResponse, (request, call) =>
        this.#txn(request, call),
      ),
    ];
  }

  async #put(message: pb.PutRequest, call: Call): Promise<pb.PutResponse | Failure> {
    const answered = await this.#keys.execute(putRequest(message), call);
    return answered instanceof Failure ? answered : putResponse(answered.header, answered.result);
  }

  async #delete(message: pb.DeleteRangeRequest, call: Call): Promise<pb.DeleteRangeResponse | Failure> {
    const answered = await this.#keys.execute(deleteRequest(message), call);
    return answered instanceof Failure ? answered : deleteResponse(answered.header, answered.result);
  }

  async #txn(message: pb.TxnRequest, call: Call): Promise<pb.TxnResponse | Failure> {
    const request = txnRequest(message);
    if (request instanceof Failure) return request;
    const answered = isReadOnly(request)
      ? await this.#keys.read(request, isSerializable(message) ? 'local' : 'linearizable', call)
      : await this.#keys.execute(request, call);
    return answered instanceof Failure ? answered : txnResponse(answered.header, answered.result);
  }

  async #range(message: pb.RangeRequest, call: Call): Promise<pb.RangeResponse | Failure> {
    const request = rangeRequest(message);
    if (request instanceof Failure) return request;
    const answered = await this.#keys.read(request, message.serializable ? 'local' : 'linearizable', call);
    return answered instanceof Failure ? answered : rangeResponse(answered.header, answered.result);
  }
}
