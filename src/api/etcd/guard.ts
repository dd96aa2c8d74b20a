import { type Authenticator, type Caller, invalidAuthToken } from '../auth/authenticator.ts';
import {
  type BidiHandler,
  type BidiReceiver,
  type BidiStream,
  type Call,
  type Failure,
  type FaultReport,
  internalError,
  type Method,
  nobody,
  type ServerStreamHandler,
} from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors, refusedFailure } from './errors.ts';
import type { EtcdMethod, EtcdStreamMethod } from './method.ts';
import { type Policy, policyOf } from './policies.ts';

/** Why a call is turned away, or undefined. */
type Denial = Failure | undefined;

/**
 * Stands before every method: calls of those who may not make them are turned away before anything is done for them.
 * While users are not asked for it costs a look at a field.
 */
export class Guard {
  readonly #access: ReplicaAccess;
  readonly #authenticator: Authenticator;
  readonly #fault: FaultReport;

  constructor(access: ReplicaAccess, fault: FaultReport) {
    this.#access = access;
    this.#fault = fault;
    this.#authenticator = access.authenticator;
  }

  unary(method: EtcdMethod): EtcdMethod {
    const policy = policyOf(method.path);
    if (policy === 'anybody') return method;
    const guarded = <A, B>(
      handle: (request: A, call: Call) => B | Promise<B>,
    ): ((request: A, call: Call) => B | Failure | Promise<B | Failure>) => {
      return (request, call) => {
        const denial = this.#denial(policy, call);
        if (denial === undefined) return handle(request, call);
        if (denial instanceof Promise) return denial.then((found) => found ?? handle(request, call));
        return denial;
      };
    };
    const handleJson = guarded((request: unknown, call) => method.handleJson(request, call));
    return {
      ...method,
      handle: guarded(method.handle),
      handleJson: async (json, call) => handleJson(json, call),
    };
  }

  stream(method: EtcdStreamMethod): EtcdStreamMethod {
    const policy = policyOf(method.path);
    return policy === 'anybody' ? method : { ...method, method: this.#guarded(method.method, policy) };
  }

  #guarded(method: EtcdStreamMethod['method'], policy: Policy): Exclude<Method, { type: 'unary' }> {
    return method.type === 'serverStream'
      ? { type: 'serverStream', handle: this.#serverStream(method.handle, policy) }
      : { type: 'bidi', open: this.#bidi(method.open, policy) };
  }

  #serverStream(handle: ServerStreamHandler, policy: Policy): ServerStreamHandler {
    const denialOf = (call: Call): Denial | Promise<Denial> => this.#denial(policy, call);
    return async function* (request, call) {
      return (await denialOf(call)) ?? (yield* handle(request, call));
    };
  }

  #bidi(open: BidiHandler, policy: Policy): BidiHandler {
    return (stream) => {
      const denial = this.#denial(policy, stream);
      if (denial === undefined) return open(stream);
      if (denial instanceof Promise) return new PendingStream(stream, denial, open, this.#fault);
      stream.end(denial);
      return nobody;
    };
  }

  #denial(policy: Policy, call: Call): Denial | Promise<Denial> {
    const { state } = this.#authenticator;
    // Without its state nobody knows who is asked for what.
    if (state === undefined) return refusedFailure('notReady');
    if (!state.enabled) return undefined;
    const caller = this.#authenticator.identify(call);
    return caller instanceof Promise
      ? caller.then((found) => this.#judge(policy, call, found))
      : this.#judge(policy, call, caller);
  }

  #judge(policy: Policy, call: Call, caller: Caller): Denial {
    if (policy === 'messages') return undefined;
    if (caller === invalidAuthToken) return etcdErrors.invalidAuthToken;
    if (policy === 'root' || policy === 'user') return this.#access.deny(call, () => ({ type: policy }));
    return caller === undefined && this.#authenticator.state?.enabled !== false
      ? etcdErrors.userEmpty
      : undefined;
  }
}

/** A stream that waits until it is known who has opened it. */
class PendingStream implements BidiReceiver {
  #receiver: BidiReceiver = nobody;
  #closed = false;

  constructor(stream: BidiStream, denial: Promise<Denial>, open: BidiHandler, fault: FaultReport) {
    stream.pause();
    const begin = (found: Denial): void => {
      if (this.#closed) return;
      if (found !== undefined) return stream.end(found);
      this.#receiver = open(stream);
      stream.resume();
    };
    denial.then(begin).catch((error: unknown) => {
      fault(error, stream.method);
      stream.end(internalError);
    });
  }

  message(message: Uint8Array): void {
    this.#receiver.message(message);
  }

  ended(): void {
    this.#receiver.ended();
  }

  writable(): void {
    this.#receiver.writable();
  }

  closed(): void {
    this.#closed = true;
    this.#receiver.closed();
  }
}
