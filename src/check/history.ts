import { assert, present } from '../core/assert.ts';

/**
 * One call of a client and what came of it. `call` and `return` are points of one order of events (they need not be
 * times); an operation whose return is undefined is open: it may have taken effect at any point after its call, or never.
 */
export interface Operation<Input, Output> {
  readonly client: number;
  readonly input: Input;
  readonly call: number;
  readonly return: number | undefined;
  /** Undefined for an open operation. */
  readonly output: Output | undefined;
}

/** Names a call within one history. */
export type CallId = number;

/**
 * Records what clients asked and what they were told, in the order in which it happened. The three ends of a call must
 * not be mixed up: a timeout is `unknown`, never `refused`.
 */
export class History<Input, Output> {
  readonly #operations = new Map<CallId, Operation<Input, Output>>();
  #point = 0;

  get size(): number {
    return this.#operations.size;
  }

  call(client: number, input: Input): CallId {
    const id = this.#point++;
    this.#operations.set(id, { client, input, call: id, return: undefined, output: undefined });
    return id;
  }

  /** The call took effect, with this answer. */
  done(id: CallId, output: Output): void {
    const operation = present(this.#operations.get(id), `no call ${id} in the history`);
    assert(operation.return === undefined, `call ${id} has returned already`);
    this.#operations.set(id, { ...operation, return: this.#point++, output });
  }

  /** The call had no effect and never will: it is forgotten. */
  refused(id: CallId): void {
    const operation = present(this.#operations.get(id), `no call ${id} in the history`);
    assert(operation.return === undefined, `call ${id} has returned already`);
    this.#operations.delete(id);
  }

  /** All calls in the order of calling; those that were never answered are open. */
  operations(): Operation<Input, Output>[] {
    return [...this.#operations.values()];
  }
}
