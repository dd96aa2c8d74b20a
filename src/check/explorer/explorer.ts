import { assert, present } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import type { ExplorationModel } from '../../protocol/index.ts';
import { type Action, Actions, actionOf, codeOf } from './actions.ts';
import { begin } from './beginning.ts';
import { renamings } from './fingerprint.ts';
import { type Finding, Properties } from './properties.ts';
import { Reductions } from './reductions.ts';
import { type EventType, type Local, type Packet, Replicas, type Step } from './replicas.ts';
import type { Scope } from './scope.ts';
import type { Budgets, States, WholeState } from './states.ts';
import { Visited } from './visited.ts';

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  /** Every reachable state of the scope was visited. */
  readonly complete: boolean;
  readonly locals: number;
  readonly messages: number;
  /** What was broken first, in the fewest events; undefined when nothing was. */
  readonly counterexample: Counterexample | undefined;
}

export interface Counterexample extends Finding {
  readonly actions: readonly Action[];
}

export interface ExploreOptions {
  /** With so many states visited it stops, complete or not; without, only when there are no more. */
  readonly maxStates?: number;
  /** Told every few thousand states. */
  readonly onProgress?: (progress: { readonly states: number; readonly depth: number }) => void;
  /** `none` visits every state one by one, to hold `all` against. */
  readonly reduction?: 'all' | 'none';
  /** Commands of a scenario, to begin in the state that they lead to. What they do is not counted against the scope. */
  readonly from?: string;
}

/**
 * Visits every state that `model` can reach within `scope`, breadth first, so that a counterexample is as short as any. States
 * that differ in the names of replicas only are one state: no protocol here prefers a replica for its number. Throws `NoBeginning`.
 */
export function explore(model: ExplorationModel, scope: Scope, options: ExploreOptions = {}): Exploration {
  return new Explorer(model, scope, options).run();
}

class Explorer {
  readonly #scope: Scope;
  readonly #options: ExploreOptions;
  readonly #replicas: Replicas;
  readonly #properties: Properties;
  readonly #actions: Actions;
  readonly #visited: Visited;
  readonly #states: States;
  readonly #reductions: Reductions | undefined;
  #transitions = 0;
  #depth = 0;
  #found: Counterexample | undefined;
  readonly #beginning: Action[] = [];

  constructor(model: ExplorationModel, scope: Scope, options: ExploreOptions) {
    this.#scope = scope;
    this.#options = options;
    const { reduction = 'all' } = options;
    this.#replicas = new Replicas(model, scope.replicas);
    const renames = renamings(scope.replicas);
    this.#properties = new Properties(scope.replicas, renames.length, (at, replica) =>
      present(renames[at], 'a renaming')(nodeId(replica)),
    );
    this.#actions = new Actions(scope);
    this.#visited = new Visited(this.#replicas, scope.replicas, reduction === 'all');
    this.#states = this.#visited.states;
    this.#reductions = reduction === 'none' ? undefined : new Reductions(this.#replicas, scope.terms);
  }

  run(): Exploration {
    const { onProgress } = this.#options;
    this.#begin();
    let levelEnd = this.#states.count;
    let at = 0;
    for (; at < this.#states.count && !this.#isOver; at++) {
      if (at === levelEnd) {
        this.#depth++;
        levelEnd = this.#states.count;
      }
      if ((at & 0xfff) === 0) onProgress?.({ states: this.#states.count, depth: this.#depth });
      this.#expand(at);
    }
    const { locals: distinct, packets } = this.#replicas.sizes;
    return {
      states: this.#states.count,
      transitions: this.#transitions,
      depth: this.#depth,
      complete: !this.#isOver,
      locals: distinct,
      messages: packets,
      counterexample: this.#found,
    };
  }

  get #isOver(): boolean {
    const { maxStates = Number.POSITIVE_INFINITY } = this.#options;
    return this.#found !== undefined || this.#states.count >= maxStates;
  }

  #begin(): void {
    const starts = Array.from({ length: this.#scope.replicas }, (_, at) => this.#replicas.initial(at + 1));
    const locals = starts.map(({ next }) => next);
    let past = this.#properties.nothing;
    for (const start of starts) {
      const after = this.#properties.follow(past, undefined, start);
      assert(!('property' in after), 'nothing is broken before anything has happened');
      past = after;
    }
    const packets = starts.flatMap(({ sends }) => sends.map(({ id }) => id));
    const { from } = this.#options;
    const start = { locals, packets, past, budgets: this.#actions.budgets };
    const state = from === undefined ? start : this.#actOut(from, start);
    if (this.#found === undefined) this.#reach(-1, undefined, state);
  }

  #actOut(scenario: string, start: WholeState): WholeState {
    let state = start;
    const network = begin(scenario, {
      replicas: this.#replicas,
      count: this.#scope.replicas,
      local: (replica) => present(state.locals[replica - 1], 'a replica'),
      act: (action) => {
        const local = present(state.locals[action.replica - 1], 'a replica');
        if (action.type !== 'lose') {
          const step = this.#replicas.step(local, eventOf(action), action.number);
          const after = this.#follow(-1, action, state, local, step);
          this.#beginning.push(this.#named(action));
          if (after === undefined) return undefined;
          state = after;
          return step.sends;
        }
        this.#beginning.push(this.#named(action));
        return [];
      },
    });
    return { ...state, packets: [...new Set(network)] };
  }

  #expand(at: number): void {
    const { past: pastId, budgets, locals: localIds, packets } = this.#states.get(at);
    const locals = localIds.map((id) => this.#replicas.local(id));
    const past = this.#properties.past(pastId);
    const network = packets.map((id) => this.#replicas.packet(id));
    for (const action of this.#actions.possible(locals, network, budgets)) {
      if (this.#isOver) return;
      this.#transitions++;
      this.#act(at, action, { locals, packets, past, budgets });
    }
  }

  #act(from: number, action: Action, state: WholeState): void {
    const budgets = this.#actions.spend(state.budgets, action);
    if (action.type === 'lose') {
      const packets = state.packets.filter((id) => id !== action.number);
      return this.#reach(from, action, { ...state, packets, budgets });
    }
    const local = present(state.locals[action.replica - 1], 'a replica');
    const step = this.#replicas.step(local, eventOf(action), action.number);
    const began =
      action.type === 'read' ? this.#properties.readBegins(state.past, action.number) : state.past;
    const { locals } = state;
    const packets =
      action.type === 'deliver' ? state.packets.filter((id) => id !== action.number) : state.packets;
    const after = this.#follow(from, action, { locals, packets, past: began, budgets }, local, step);
    if (after === undefined) return;
    const settling = action.type === 'deliver' || action.type === 'timeout';
    const mayCrash = this.#actions.mayCrash(budgets);
    if (!settling || this.#reductions?.settles(local, step, packets, mayCrash) !== true) {
      return this.#reach(from, action, after);
    }
    const settled = { ...action, settles: true };
    const synced = this.#replicas.step(step.next, 'sync', 0);
    const last = this.#follow(from, settled, after, step.next, synced);
    if (last !== undefined) this.#reach(from, settled, last);
  }

  /** The whole after `step` of `local`, in which every property holds; undefined when one is broken. */
  #follow(from: number, action: Action, state: WholeState, local: Local, step: Step): WholeState | undefined {
    if (step.broken !== undefined) {
      this.#report(from, action, { property: 'invariants of the replica', detail: step.broken });
      return undefined;
    }
    const past = this.#properties.follow(state.past, local, step);
    if ('property' in past) {
      this.#report(from, action, past);
      return undefined;
    }
    const locals = state.locals.slice();
    locals[local.replica - 1] = step.next;
    const finding = this.#properties.hold(past, locals, step.next);
    if (finding !== undefined) {
      this.#report(from, action, finding);
      return undefined;
    }
    const packets = this.#networkAfter(state.packets, action, step, locals, state.budgets);
    return { locals, packets, past, budgets: state.budgets };
  }

  /** A set: what is on its way already is not there twice. What would change nothing is not there at all. */
  #networkAfter(
    packets: readonly number[],
    action: Action,
    { next, sends }: Step,
    locals: readonly Local[],
    budgets: Budgets,
  ): readonly number[] {
    const mayCrash = this.#actions.mayCrash(budgets);
    const isSpent = (packet: Packet): boolean => this.#reductions?.isSpent(packet, locals, mayCrash) === true;
    const after: number[] = [];
    for (const id of packets) {
      const packet = this.#replicas.packet(id);
      // Of the others nothing has changed.
      const concerned = packet.from === next.replica || packet.to === next.replica || action.type === 'crash';
      if (!concerned || !isSpent(packet)) after.push(id);
    }
    for (const packet of sends) if (!after.includes(packet.id) && !isSpent(packet)) after.push(packet.id);
    return after;
  }

  #reach(from: number, action: Action | undefined, state: WholeState): void {
    this.#visited.add(from, action === undefined ? 0 : codeOf(action), state);
  }

  #report(from: number, action: Action, finding: Finding): void {
    const actions = [action];
    for (let at = from; at > 0; at = this.#states.parent(at)) {
      actions.push(actionOf(this.#states.action(at)));
    }
    assert(this.#found === undefined, 'the first finding ends the exploration');
    const found = actions.reverse().map((each) => this.#named(each));
    this.#found = { ...finding, actions: [...this.#beginning, ...found] };
  }

  /** Messages are numbered within one exploration only: outside of it they are known by their ends and content. */
  #named(action: Action): Action {
    if (action.type !== 'deliver' && action.type !== 'repeat' && action.type !== 'lose') return action;
    const { from, key } = this.#replicas.packet(action.number);
    return { ...action, from, key };
  }
}

/** What the replica sees of it. */
function eventOf({ type }: Action): EventType {
  if (type === 'repeat' || type === 'lose') return 'deliver';
  return type === 'heartbeat' ? 'timeout' : type;
}
