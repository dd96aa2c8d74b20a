import type { ReadStore } from '../../core/store.ts';
import { checkAnswer } from './answer-size.ts';
import { checkCompacted } from './range.ts';
import type { KeyAnswer, KeyError, OperationResult, RangeRequest, TxnRequest } from './requests.ts';
import { readPresent } from './revisions.ts';
import { newSlice, type Sliced, type Turn } from './slices.ts';
import { check, executeRead, oldestRevisionRead, plan } from './transaction.ts';
import { validate } from './validate.ts';

/** Answers a range from `store`, the key space's part of a replica's state, in one go. */
export function range(store: ReadStore, request: RangeRequest): KeyAnswer {
  const slices = new ReadSlices(request);
  for (;;) {
    const answer = slices.next(store);
    if (answer !== undefined) return answer;
  }
}

/**
 * A range, or a transaction that only reads (see `isReadOnly`), that is answered in slices, each of which holds the event
 * loop for a few milliseconds. The first one pins the revision; whatever is written between slices does not show.
 */
export class ReadSlices {
  readonly #request: RangeRequest | TxnRequest;
  #turn: Turn | undefined;
  #steps: Sliced<OperationResult | KeyError> | undefined;
  #present = 0;
  /** The oldest revision that is read, as far as it is known. */
  #oldest = 0;

  constructor(request: RangeRequest | TxnRequest) {
    this.#request = request;
  }

  /**
   * Goes on for one slice; undefined means: call again, at leisure, with the state as it is then. The answer's revision
   * is that of the state that the first slice saw, so that nothing is missed by going on from there. A compaction
   * between slices may answer `compacted`.
   */
  next(store: ReadStore): KeyAnswer | undefined {
    const slice = newSlice();
    if (this.#turn === undefined || this.#steps === undefined) {
      this.#turn = { store, slice };
      this.#steps = this.#read(this.#turn);
    } else {
      const compacted = checkCompacted(store, this.#oldest);
      if (compacted !== undefined) return this.#answer(compacted);
      Object.assign(this.#turn, { store, slice });
    }
    const step = this.#steps.next();
    return step.done === true ? this.#answer(step.value) : undefined;
  }

  *#read(turn: Turn): Sliced<OperationResult | KeyError> {
    const present = readPresent(turn.store);
    this.#present = present.revision;
    this.#oldest = this.#present;
    if (present.corrupt) return { type: 'error', code: 'corrupt' };
    const invalid = validate(this.#request);
    if (invalid !== undefined) return invalid;
    const step = yield* plan(turn, this.#request, this.#present);
    const refusal = check(turn.store, step, this.#present);
    if (refusal !== undefined) return refusal;
    this.#oldest = oldestRevisionRead(step, this.#present);
    if (step.type === 'plan') {
      const tooLarge = yield* checkAnswer(turn, step, this.#present);
      if (tooLarge !== undefined) return tooLarge;
    }
    return yield* executeRead(turn, step, this.#present);
  }

  #answer(result: OperationResult | KeyError): KeyAnswer {
    return { revision: BigInt(this.#present), result };
  }
}
