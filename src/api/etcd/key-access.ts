import { setImmediate as turn } from 'node:timers/promises';
import { assert } from '../../core/assert.ts';
import { Malformed } from '../../core/codec.ts';
import type { Epoch } from '../../core/ids.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyAnswer,
  type KeyCommand,
  needsOf,
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
import type { ResponseHeader } from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import type { Quota } from './quota.ts';

/** What only reads attaches nothing to leases. */
const noLeases = (): [] => [];

type SomeResult = Exclude<KeyAnswer['result'], { type: 'error' }>;

export interface Answered<Result extends SomeResult = SomeResult> {
  readonly header: ResponseHeader;
  readonly result: Result;
}

export type ResultOf<Type extends SomeResult['type']> = Extract<SomeResult, { type: Type }>;

/** Orders commands of the key space, and reads it, on behalf of calls: with etcd's headers and errors. */
export class KeyAccess {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;
  readonly #quota: Quota;

  constructor(access: ReplicaAccess, headers: ResponseHeaders, quota: Quota) {
    this.#access = access;
    this.#headers = headers;
    this.#quota = quota;
  }

  async execute<Type extends KeyCommand['type']>(
    command: KeyCommand & { readonly type: Type },
    call: Call,
  ): Promise<Answered<ResultOf<Type>> | Failure> {
    const error = validate(command);
    if (error !== undefined) return keyFailure(error.code);
    const bytes = encodeCommand(command);
    if (bytes.length > maxRequestBytes) return etcdErrors.requestTooLarge;
    const refusal = this.#quota.refuse(command, bytes.length);
    const refused = refusal instanceof Promise ? await refusal : refusal;
    if (refused !== undefined) return refused;
    const executed = await this.#access.propose(bytes, call);
    if (executed instanceof Failure) return executed;
    const answer = decodeAnswer(executed.result);
    assert(!(answer instanceof Malformed), 'the key space gave an answer that does not decode');
    return this.#answered(answer, executed.epoch, command.type);
  }

  /** A long read lets others have their turn, and stops when nobody waits for it any more. */
  async read<Type extends 'range' | 'txn'>(
    request: (RangeRequest | TxnRequest) & { readonly type: Type },
    consistency: ReadConsistency,
    call: Call,
  ): Promise<Answered<ResultOf<Type>> | Failure> {
    const error = validate(request);
    if (error !== undefined) return keyFailure(error.code);
    let view = await this.#access.read(consistency, call);
    if (view instanceof Failure) return view;
    const slices = new ReadSlices(request);
    const { epoch } = view;
    for (;;) {
      const denied = view.deny(() => ({ type: 'keys', needs: needsOf(request, noLeases) }));
      if (denied !== undefined) return denied;
      const answer = slices.next(view.store);
      if (answer !== undefined) return this.#answered(answer, epoch, request.type);
      await turn();
      if (call.cancelled) return etcdErrors.cancelled;
      if (call.remainingMs() === 0) return etcdErrors.timeout;
      view = await this.#access.read('local', call);
      if (view instanceof Failure) return view;
    }
  }

  #answered<Type extends SomeResult['type']>(
    { revision, result }: KeyAnswer,
    epoch: Epoch,
    type: Type,
  ): Answered<ResultOf<Type>> | Failure {
    if (result.type === 'error') return keyFailure(result.code);
    assert(result.type === type, `a ${type} was answered by a ${result.type}`);
    return { header: this.#headers.header(revision, epoch), result: result as ResultOf<Type> };
  }
}
