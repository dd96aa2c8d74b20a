import { maxTxnAnswerBytes } from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';
import { RangeQuery } from './range.ts';
import { type KeyError, type KeyValue, type RangeRequest, rangeOf } from './requests.ts';
import { recordAt } from './scan.ts';
import { inOneGo, type Sliced, type Turn } from './slices.ts';
import type { Step } from './transaction.ts';

/** What a pair takes in an answer beside its key and value. */
const pairOverheadBytes = 64;

/**
 * Whether the answer to a command, or to a transaction that only reads, stays within `maxTxnAnswerBytes`. Every replica
 * makes the answer to a command while it applies it, and again after a restart, so it has to be bounded like the command;
 * and before anything has an effect, so that all or nothing happens. What a transaction puts counts for each of its ranges
 * that come after, whether or not they show it.
 */
export function* checkAnswer(turn: Turn, step: Step, present: number): Sliced<KeyError | undefined> {
  const meter = new AnswerMeter(present);
  yield* meter.measure(turn, step);
  return meter.isOver ? { type: 'error', code: 'answerTooLarge' } : undefined;
}

/** The same in one go, and at no cost where no pairs are answered. */
export function checkAnswerInOneGo(store: ReadStore, step: Step, present: number): KeyError | undefined {
  if (!answersPairs(step)) return undefined;
  return inOneGo(store, (turn) => checkAnswer(turn, step, present));
}

function answersPairs(step: Step): boolean {
  if (step.type === 'plan') return step.steps.some(answersPairs);
  return step.type === 'range' ? !step.countOnly : step.previous;
}

class AnswerMeter {
  readonly #present: number;
  #bytes = 0;
  #putBytes = 0;

  constructor(present: number) {
    this.#present = present;
  }

  get isOver(): boolean {
    return this.#bytes > maxTxnAnswerBytes;
  }

  *measure(turn: Turn, step: Step): Sliced<void> {
    if (this.isOver) return;
    switch (step.type) {
      case 'range':
        if (step.countOnly) return;
        this.#bytes += this.#putBytes;
        return yield* this.#measureRange(turn, step);
      case 'put':
        this.#putBytes += step.key.length + step.value.length;
        if (step.previous) this.#bytes += recordAt(turn.store, step.key, this.#present)?.value.length ?? 0;
        return;
      case 'delete':
        if (step.previous) yield* this.#measureRange(turn, rangeOf(step.range));
        return;
      case 'plan':
        for (const inner of step.steps) yield* this.measure(turn, inner);
    }
  }

  *#measureRange(turn: Turn, request: RangeRequest): Sliced<void> {
    const query = new RangeQuery(request, this.#present);
    const found = (pairs: readonly KeyValue[]): number => bytesOf(pairs, request.keysOnly);
    // Sorting may leave out what was found, so only its end tells; otherwise enough is enough.
    while (!query.advance(turn)) {
      if (found(query.gathered) > maxTxnAnswerBytes - this.#bytes) break;
      yield;
    }
    this.#bytes += found(query.done ? query.result().pairs : query.gathered);
  }
}

function bytesOf(pairs: readonly KeyValue[], keysOnly: boolean): number {
  let bytes = 0;
  for (const { key, value } of pairs) bytes += key.length + (keysOnly ? 0 : value.length) + pairOverheadBytes;
  return bytes;
}
