import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { abandonable } from '../client/abandonable.ts';
import type { Consistency } from '../client/coordination.ts';
import type { DriverCall } from '../client/driver.ts';
import { CoordinationError } from '../client/errors.ts';
import { assert } from '../core/assert.ts';
import { Malformed } from '../core/codec.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyAnswer,
  type KeyCommand,
  machineView,
  type RangeRequest,
  ReadSlices,
  type TxnRequest,
  validate,
} from '../machine/index.ts';
import type { ReplicaHandle } from '../replica/index.ts';
import { keyFailure, refusal, unknown } from './failures.ts';

type SomeResult = Exclude<KeyAnswer['result'], { type: 'error' }>;

export interface Answer<Type extends SomeResult['type']> {
  readonly revision: bigint;
  readonly result: Extract<SomeResult, { readonly type: Type }>;
}

/** Before a refused command is tried again, in ms. */
const retryMs = 50;

/** Refusals while the cluster is between two leaders: nothing happened, and it will be better soon. */
const passing: ReadonlySet<string> = new Set(['noLeader', 'notLeader', 'transferring', 'notReady']);

/** Commands to, and reads of, the key space of a replica in this process. Rejects with `CoordinationError`. */
export class KeyAccess {
  readonly #replica: ReplicaHandle;

  constructor(replica: ReplicaHandle) {
    this.#replica = replica;
  }

  async execute<Type extends KeyCommand['type'] & SomeResult['type']>(
    command: KeyCommand & { readonly type: Type },
    { signal, deadlineMs }: DriverCall,
  ): Promise<Answer<Type>> {
    const invalid = validate(command);
    if (invalid !== undefined) throw keyFailure(invalid.code);
    const bytes = encodeCommand(command);
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const proposed = this.#replica.propose(bytes, Math.max(1, deadline - performance.now()));
      const outcome = await abandonable(proposed, signal, () => abandoned('unknown', signal));
      if (outcome.type === 'done') return answerOf(command.type, decoded(outcome.result));
      if (outcome.type === 'unknown') throw unknown(outcome.reason);
      if (!passing.has(outcome.reason) || performance.now() + retryMs >= deadline)
        throw refusal(outcome.reason);
      await abandonable(wait(retryMs), signal, () => abandoned('refused', signal));
    }
  }

  async read<Type extends 'range' | 'txn'>(
    request: (RangeRequest | TxnRequest) & { readonly type: Type },
    consistency: Consistency,
    { signal, deadlineMs }: DriverCall,
  ): Promise<Answer<Type>> {
    const deadline = performance.now() + deadlineMs;
    const givenUp = (): CoordinationError => abandoned('refused', signal);
    const slices = new ReadSlices(request);
    let level = consistency;
    for (;;) {
      const left = Math.max(1, deadline - performance.now());
      const outcome = await abandonable(this.#replica.read(level, left), signal, givenUp);
      if (outcome.type === 'readable') {
        const answer = slices.next(machineView(outcome.store));
        if (answer !== undefined) return answerOf(request.type, answer);
        level = 'local';
        await turn();
        if (signal?.aborted === true) throw givenUp();
        if (performance.now() >= deadline) throw refusal('timeout');
      } else {
        if (!passing.has(outcome.reason) || performance.now() + retryMs >= deadline)
          throw refusal(outcome.reason);
        await abandonable(wait(retryMs), signal, givenUp);
      }
    }
  }
}

function decoded(bytes: Uint8Array): KeyAnswer {
  const answer = decodeAnswer(bytes);
  assert(!(answer instanceof Malformed), 'the key space gave an answer that does not decode');
  return answer;
}

function answerOf<Type extends SomeResult['type']>(
  type: Type,
  { revision, result }: KeyAnswer,
): Answer<Type> {
  if (result.type === 'error') throw keyFailure(result.code);
  assert(result.type === type, `a ${type} was answered by a ${result.type}`);
  return { revision, result: result as Answer<Type>['result'] };
}

const abandoned = (outcome: 'refused' | 'unknown', signal: AbortSignal | undefined): CoordinationError =>
  new CoordinationError(
    'aborted',
    outcome,
    outcome === 'unknown' ? 'given up after it was sent: it may have taken effect' : 'given up',
    { cause: signal?.reason },
  );
