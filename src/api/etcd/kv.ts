import { setImmediate as turn } from 'node:timers/promises';
import { assert } from '../../core/assert.ts';
import { Malformed } from '../../core/codec.ts';
import type { Epoch } from '../../core/ids.ts';
import {
  decodeAnswer,
  encodeCommand,
  isReadOnly,
  type KeyAnswer,
  type KeyCommand,
  type OperationResult,
  type RangeRequest,
  ReadSlices,
  type TxnRequest,
  validate,
} from '../../machine/key-space/index.ts';
import type { ReadConsistency } from '../../replica/types.ts';
import { maxRequestBytes } from '../limits.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors, keyFailure } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';
import { deleteRequest, isSerializable, putRequest, rangeRequest, txnRequest } from './requests.ts';
import { deleteResponse, putResponse, rangeResponse, txnResponse } from './responses.ts';

interface Answered {
  readonly header: pb.ResponseHeader;
  readonly result: OperationResult;
}

type ResultOf<Type extends OperationResult['type']> = Extract<OperationResult, { type: Type }>;

/** etcdserverpb.KV: Range, Put, DeleteRange and Txn over the replicated key space. */
export class KvService {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;

  constructor(access: ReplicaAccess, headers: ResponseHeaders) {
    this.#access = access;
    this.#headers = headers;
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
    const answered = await this.#execute(putRequest(message), call);
    return answered instanceof Failure ? answered : putResponse(answered.header, resultOf(answered, 'put'));
  }

  async #delete(message: pb.DeleteRangeRequest, call: Call): Promise<pb.DeleteRangeResponse | Failure> {
    const answered = await this.#execute(deleteRequest(message), call);
    if (answered instanceof Failure) return answered;
    return deleteResponse(answered.header, resultOf(answered, 'delete'));
  }

  async #txn(message: pb.TxnRequest, call: Call): Promise<pb.TxnResponse | Failure> {
    const request = txnRequest(message);
    if (request instanceof Failure) return request;
    let answered: Answered | Failure;
    if (isReadOnly(request)) {
      const error = validate(request);
      if (error !== undefined) return keyFailure(error.code);
      answered = await this.#slices(request, isSerializable(message) ? 'local' : 'linearizable', call);
    } else {
      answered = await this.#execute(request, call);
    }
    return answered instanceof Failure ? answered : txnResponse(answered.header, resultOf(answered, 'txn'));
  }

  async #range(message: pb.RangeRequest, call: Call): Promise<pb.RangeResponse | Failure> {
    const request = rangeRequest(message);
    if (request instanceof Failure) return request;
    const answered = await this.#slices(request, message.serializable ? 'local' : 'linearizable', call);
    return answered instanceof Failure
      ? answered
      : rangeResponse(answered.header, resultOf(answered, 'range'));
  }

  /** A long read lets others have their turn, and stops when nobody waits for it any more. */
  async #slices(
    request: RangeRequest | TxnRequest,
    consistency: ReadConsistency,
    call: Call,
  ): Promise<Answered | Failure> {
    let view = await this.#access.read(consistency, call);
    if (view instanceof Failure) return view;
    const slices = new ReadSlices(request);
    const { epoch } = view;
    for (;;) {
      const answer = slices.next(view.store);
      if (answer !== undefined) return this.#answered(answer, epoch);
      await turn();
      if (call.cancelled) return etcdErrors.cancelled;
      if (call.remainingMs() === 0) return etcdErrors.timeout;
      view = await this.#access.read('local', call);
      if (view instanceof Failure) return view;
    }
  }

  async #execute(command: KeyCommand, call: Call): Promise<Answered | Failure> {
    const error = validate(command);
    if (error !== undefined) return keyFailure(error.code);
    const bytes = encodeCommand(command);
    if (bytes.length > maxRequestBytes) return etcdErrors.requestTooLarge;
    const executed = await this.#access.propose(bytes, call);
    if (executed instanceof Failure) return executed;
    const answer = decodeAnswer(executed.result);
    assert(!(answer instanceof Malformed), 'the key space gave an answer that does not decode');
    return this.#answered(answer, executed.epoch);
  }

  #answered(answer: KeyAnswer, epoch: Epoch): Answered | Failure {
    if (answer.result.type === 'error') return keyFailure(answer.result.code);
    return { header: this.#headers.header(answer.revision, epoch), result: answer.result };
  }
}

function resultOf<Type extends OperationResult['type']>({ result }: Answered, type: Type): ResultOf<Type> {
  assert(result.type === type, `a ${type} was answered by a ${result.type}`);
  return result as ResultOf<Type>;
}
