import type { Operation } from './history.ts';
import type { Model } from './model.ts';

/** A call or a return in the list of events that are not yet linearized. */
interface Node {
  readonly operation: number;
  /** For a call of a completed operation: its return. */
  readonly match: Node | undefined;
  readonly isCall: boolean;
  previous: Node | undefined;
  next: Node | undefined;
}

interface Choice<State> {
  readonly node: Node;
  readonly before: State;
}

interface Visited<State> {
  readonly linearized: Uint32Array;
  readonly state: State;
}

/** The backtracking search over one partition. */
export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #budget: number;
  readonly #head: Node;
  readonly #linearized: Uint32Array;
  readonly #visited = new Map<number, Visited<State>[]>();
  readonly #choices: Choice<State>[] = [];
  #hash = 0;
  /** Completed operations that are not yet linearized; open ones may stay out for ever. */
  #outstanding: number;
  #deepest: number[] = [];
  #stuckAt: number | undefined;
  steps = 0;

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    budget: number,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#budget = budget;
    this.#head = eventList(operations);
    this.#linearized = new Uint32Array((operations.length + 31) >>> 5);
    this.#outstanding = operations.filter((operation) => operation.return !== undefined).length;
  }

  run(): 'ok' | 'illegal' | 'unknown' {
    let state = this.#model.initial();
    let node = this.#head.next;
    while (this.#outstanding > 0) {
      if (node?.isCall) {
        if (this.steps >= this.#budget) return 'unknown';
        const after = this.#try(node, state);
        if (after === undefined) {
          node = node.next;
        } else {
          this.#choices.push({ node, before: state });
          state = after;
          lift(node);
          node = this.#head.next;
        }
        continue;
      }
      // A completed operation returns here, or the list ends: something before must have been chosen wrongly.
      this.#noteStuck(node);
      const choice = this.#choices.pop();
      if (choice === undefined) return 'illegal';
      state = choice.before;
      this.#toggle(choice.node, 1);
      unlift(choice.node);
      node = choice.node.next;
    }
    return 'ok';
  }

  /** The longest order that works, and what is stuck after it. */
  get deepest(): { readonly order: readonly number[]; readonly stuck: number | undefined } {
    return { order: this.#deepest, stuck: this.#stuckAt };
  }

  /** For people: the longest order that works, and the operation that nothing explains after it. */
  explain(): string {
    const line = (id: number): string => {
      const operation = this.#operations[id] as Operation<Input, Output>;
      const interval = `[${operation.call}, ${operation.return ?? 'open'}]`;
      return `  client ${operation.client} ${interval} ${this.#model.describe(operation.input, operation.output)}`;
    };
    const lines = ['the longest order that explains the answers:', ...this.#deepest.map(line)];
    if (this.#stuckAt !== undefined) lines.push('no order explains, after these:', line(this.#stuckAt));
    const shown = new Set([...this.#deepest, ...(this.#stuckAt === undefined ? [] : [this.#stuckAt])]);
    const rest = this.#operations.map((_, id) => id).filter((id) => !shown.has(id));
    if (rest.length > 0) lines.push('the other operations:', ...rest.map(line));
    return lines.join('\n');
  }

  /** The state after linearizing the operation next; undefined when it does not fit, or was tried from here before. */
  #try(node: Node, state: State): State | undefined {
    const operation = this.#operations[node.operation] as Operation<Input, Output>;
    this.steps++;
    const after = this.#model.step(state, operation.input, operation.output);
    if (after === undefined) return undefined;
    this.#toggle(node, -1);
    const known = this.#visited.get(this.#hash);
    if (known?.some((visited) => this.#sameAs(visited, after))) {
      this.#toggle(node, 1);
      return undefined;
    }
    const visited = { linearized: this.#linearized.slice(), state: after };
    if (known === undefined) this.#visited.set(this.#hash, [visited]);
    else known.push(visited);
    return after;
  }

  #sameAs(visited: Visited<State>, state: State): boolean {
    const mine = this.#linearized;
    for (let i = 0; i < mine.length; i++) if (mine[i] !== visited.linearized[i]) return false;
    return this.#model.equal(visited.state, state);
  }

  #toggle(node: Node, outstanding: 1 | -1): void {
    const word = node.operation >>> 5;
    this.#linearized[word] = (this.#linearized[word] as number) ^ (1 << (node.operation & 31));
    this.#hash ^= scatter(node.operation);
    if (node.match !== undefined) this.#outstanding += outstanding;
  }

  #noteStuck(node: Node | undefined): void {
    if (this.#choices.length < this.#deepest.length) return;
    this.#deepest = this.#choices.map((choice) => choice.node.operation);
    this.#stuckAt = node?.operation;
  }
}

function eventList<Input, Output>(operations: readonly Operation<Input, Output>[]): Node {
  const events: { readonly point: number; readonly node: Node }[] = [];
  for (const [id, operation] of operations.entries()) {
    let match: Node | undefined;
    if (operation.return !== undefined) {
      match = { operation: id, match: undefined, isCall: false, previous: undefined, next: undefined };
      events.push({ point: operation.return, node: match });
    }
    const call: Node = { operation: id, match, isCall: true, previous: undefined, next: undefined };
    events.push({ point: operation.call, node: call });
  }
  // At one point calls come before returns: operations that touch count as concurrent.
  events.sort((a, b) => a.point - b.point || Number(b.node.isCall) - Number(a.node.isCall));
  const head: Node = { operation: -1, match: undefined, isCall: false, previous: undefined, next: undefined };
  let last = head;
  for (const { node } of events) {
    last.next = node;
    node.previous = last;
    last = node;
  }
  return head;
}

function lift(call: Node): void {
  unlink(call);
  if (call.match !== undefined) unlink(call.match);
}

/** The exact reverse of `lift`: the removed nodes still know their neighbours. */
function unlift(call: Node): void {
  if (call.match !== undefined) relink(call.match);
  relink(call);
}

function unlink(node: Node): void {
  if (node.previous !== undefined) node.previous.next = node.next;
  if (node.next !== undefined) node.next.previous = node.previous;
}

function relink(node: Node): void {
  if (node.previous !== undefined) node.previous.next = node;
  if (node.next !== undefined) node.next.previous = node;
}

function scatter(value: number): number {
  let hash = Math.imul(value + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
