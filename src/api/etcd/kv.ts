import { isReadOnly, isSwept } from '../../machine/key-space/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import { timeoutOf } from './access.ts';
import { etcdErrors, unknown } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { KeyAccess } from './key-access.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';
import { deleteRequest, isSerializable, putRequest, rangeRequest, txnRequest } from './requests.ts';
import { deleteResponse, putResponse, rangeResponse, txnResponse } from './responses.ts';
import { until } from './until.ts';

/** etcdserverpb.KV: the replicated key space. */
export class KvService {
  readonly #replica: ReplicaHandle;
  readonly #keys: KeyAccess;

  constructor(replica: ReplicaHandle, keys: KeyAccess) {
    this.#replica = replica;
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
      etcdMethod(
        '/etcdserverpb.KV/Compact',
        '/kv/compaction',
        pb.CompactionRequest,
        pb.CompactionResponse,
        (request, call) => this.#compact(request, call),
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

  /** Durably: what is in use is what is on disk, and only there do pages become free. */
  async #givenBack(call: Call): Promise<Failure | undefined> {
    const failure = await until(this.#replica, isSwept, call);
    if (failure !== undefined) return failure;
    return (await this.#replica.flush(timeoutOf(call))) ? undefined : etcdErrors.timeout;
  }

  async #compact(
    { revision, physical }: pb.CompactionRequest,
    call: Call,
  ): Promise<pb.CompactionResponse | Failure> {
    const answered = await this.#keys.execute({ type: 'compact', revision }, call);
    if (answered instanceof Failure) return answered;
    if (physical) {
      const failure = await this.#givenBack(call);
      // It is compacted all the same.
      if (failure !== undefined) return unknown(failure);
    }
    return { header: answered.header };
  }
}
