import { assert, present } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import type { Bounds, ExplorationModel } from '../../protocol/index.ts';
import { type Action, Actions, actionOf, codeOf } from './actions.ts';
import { renamings, Visited } from './fingerprint.ts';
import { type Finding, type Past, Properties } from './properties.ts';
import { type EventType, type Local, type Packet, Replicas, type Step } from './replicas.ts';
import type { Scope } from './scope.ts';
import { type Budgets, States } from './states.ts';

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

/** Whether to go on, asked every few thousand states. */
export type MayGoOn = (progress: { readonly states: number; readonly depth: number }) => boolean;

/**
 * Visits every state that `model` can reach within `scope`, breadth first, so that a counterexample is as short as any. States
 * that differ in the names of replicas only are one state: no protocol here prefers a replica for its number.
 */
export function explore(model: ExplorationModel, scope: Scope, mayGoOn: MayGoOn = () => true): Exploration {
  return new Explorer(model, scope, mayGoOn).run();
}

class Explorer {
  readonly #scope: Scope;
  readonly #mayGoOn: MayGoOn;
  readonly #replicas: Replicas;
  readonly #properties: Properties;
  readonly #actions: Actions;
  readonly #states: States;
  readonly #visited = new Visited();
  #transitions = 0;
  #depth = 0;
  #found: Counterexample | undefined;

  constructor(model: ExplorationModel, scope: Scope, mayGoOn: MayGoOn) {
    this.#scope = scope;
    this.#mayGoOn = mayGoOn;
    this.#replicas = new Replicas(model, scope.replicas);
    const renames = renamings(scope.replicas);
    this.#properties = new Properties(scope.replicas, renames.length, (at, replica) =>
      present(renames[at], 'a renaming')(nodeId(replica)),
    );
    this.#actions = new Actions(scope);
    this.#states = new States(scope.replicas);
  }

  run(): Exploration {
    this.#begin();
    let levelEnd = this.#states.count;
    let at = 0;
    let stopped = false;
    for (; at < this.#states.count && this.#found === undefined; at++) {
      if (at === levelEnd) {
        this.#depth++;
        levelEnd = this.#states.count;
      }
      if ((at & 0xfff) === 0 && !this.#mayGoOn({ states: this.#states.count, depth: this.#depth })) {
        stopped = true;
        break;
      }
      this.#expand(at);
    }
    const { locals: distinct, packets } = this.#replicas.sizes;
    return {
      states: this.#states.count,
      transitions: this.#transitions,
      depth: this.#depth,
      complete: !stopped && this.#found === undefined,
      locals: distinct,
      messages: packets,
      counterexample: this.#found,
    };
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
    this.#reach(-1, undefined, locals, packets, past, this.#actions.budgets);
  }

  #expand(at: number): void {
    const { past: pastId, budgets, locals: localIds, packets } = this.#states.get(at);
    const locals = localIds.map((id) => this.#replicas.local(id));
    const past = this.#properties.past(pastId);
    const network = packets.map((id) => this.#replicas.packet(id));
    for (const action of this.#actions.possible(locals, network, budgets)) {
      if (this.#found !== undefined) return;
      this.#transitions++;
      this.#act(at, action, { locals, packets, past, budgets });
    }
  }

  #act(from: number, action: Action, state: WholeState): void {
    const budgets = this.#actions.spend(state.budgets, action);
    if (action.type === 'lose') {
      const left = state.packets.filter((id) => id !== action.number);
      return this.#reach(from, action, state.locals, left, state.past, budgets);
    }
    const local = present(state.locals[action.replica - 1], 'a replica');
    const step = this.#replicas.step(local, eventOf(action), action.number);
    if (step.broken !== undefined) {
      return this.#report(from, action, { property: 'invariants of the replica', detail: step.broken });
    }
    const began =
      action.type === 'read' ? this.#properties.readBegins(state.past, action.number) : state.past;
    const past = this.#properties.follow(began, local, step);
    if ('property' in past) return this.#report(from, action, past);
    const locals = state.locals.map((other) => (other === local ? step.next : other));
    const finding = this.#properties.hold(past, locals, step.next);
    if (finding !== undefined) return this.#report(from, action, finding);
    const packets = this.#networkAfter(state.packets, action, step, locals, budgets);
    this.#reach(from, action, locals, packets, past, budgets);
  }

  /** A set: what is on its way already is not there twice. What would change nothing is not there at all. */
  #networkAfter(
    packets: readonly number[],
    action: Action,
    { sends }: Step,
    locals: readonly Local[],
    budgets: Budgets,
  ): readonly number[] {
    const bounds = { lastEpoch: this.#scope.terms, mayCrash: this.#actions.mayCrash(budgets) };
    const isSpent = (packet: Packet): boolean => this.#isSpent(packet, locals, bounds);
    const after: number[] = [];
    for (const id of packets) {
      if (id === action.number && action.type === 'deliver') continue;
      if (!isSpent(this.#replicas.packet(id))) after.push(id);
    }
    for (const packet of sends) if (!after.includes(packet.id) && !isSpent(packet)) after.push(packet.id);
    return after;
  }

  /** The model says for how long, the replica itself whether: a mistake in it must not be taken for nothing. */
  #isSpent(packet: Packet, locals: readonly Local[], bounds: Bounds): boolean {
    const receiver = present(locals[packet.to - 1], 'a replica');
    const sender = present(locals[packet.from - 1], 'a replica');
    if (!this.#replicas.isSpent(packet, receiver, sender, bounds)) return false;
    const step = this.#replicas.step(receiver, 'deliver', packet.id);
    const sent = this.#replicas.onlySends(receiver, step);
    return sent?.every((answer) => this.#isSpent(answer, locals, bounds)) === true;
  }

  #reach(
    from: number,
    action: Action | undefined,
    locals: readonly Local[],
    packets: readonly number[],
    past: Past,
    budgets: Budgets,
  ): void {
    const [high, low] = this.#name(locals, packets, past, budgets);
    if (!this.#visited.add(high, low)) return;
    this.#states.add(from, action === undefined ? 0 : codeOf(action), past.id, budgets, locals, packets);
  }

  /** The smallest of the names that the state has under all renamings. */
  #name(
    locals: readonly Local[],
    packets: readonly number[],
    past: Past,
    budgets: Budgets,
  ): [high: number, low: number] {
    let [bestHigh, bestLow] = [0xffff_ffff, 0xffff_ffff];
    const spent = Math.imul(budgets + 1, 0x9e3779b1) >>> 0;
    for (let lane = 0; lane < 2 * this.#replicas.symmetries; lane += 2) {
      let high = past.fingerprint[lane] as number;
      let low = ((past.fingerprint[lane + 1] as number) ^ spent) >>> 0;
      for (const { fingerprint } of locals) {
        high = (high + (fingerprint[lane] as number)) >>> 0;
        low = (low + (fingerprint[lane + 1] as number)) >>> 0;
      }
      for (const id of packets) {
        const { fingerprint } = this.#replicas.packet(id);
        high = (high + (fingerprint[lane] as number)) >>> 0;
        low = (low + (fingerprint[lane + 1] as number)) >>> 0;
      }
      if (high < bestHigh || (high === bestHigh && low < bestLow)) [bestHigh, bestLow] = [high, low];
    }
    return [bestHigh, bestLow];
  }

  #report(from: number, action: Action, finding: Finding): void {
    const actions = [action];
    for (let at = from; at > 0; at = this.#states.parent(at)) {
      actions.push(actionOf(this.#states.action(at)));
    }
    assert(this.#found === undefined, 'the first finding ends the exploration');
    this.#found = { ...finding, actions: actions.reverse().map((each) => this.#named(each)) };
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

interface WholeState {
  readonly locals: readonly Local[];
  readonly packets: readonly number[];
  readonly past: Past;
  readonly budgets: Budgets;
}
