import type { EventType, Local, Packet } from './replicas.ts';
import type { Scope } from './scope.ts';
import type { Budgets } from './states.ts';

/** One event of the whole. `number` says which message, command or read, or how many records survive a crash. */
export interface Action {
  readonly type: EventType | 'heartbeat' | 'repeat' | 'lose';
  readonly replica: number;
  readonly number: number;
  /** Of a message: who sent it, and what it says. */
  readonly from?: number;
  readonly key?: string;
  /** What it makes the replica write is durable before anything else happens. */
  readonly settles?: boolean;
}

const types = [
  'timeout',
  'heartbeat',
  'sync',
  'crash',
  'propose',
  'read',
  'deliver',
  'repeat',
  'lose',
] as const satisfies readonly Action['type'][];

const settlesBit = 1 << 30;

/** An action in 31 bits. */
export const codeOf = ({ type, replica, number, settles }: Action): number =>
  types.indexOf(type) | (replica << 4) | (number << 7) | (settles === true ? settlesBit : 0);

export const actionOf = (code: number): Action => ({
  type: types[code & 15] ?? 'timeout',
  replica: (code >> 4) & 7,
  number: (code & ~settlesBit) >> 7,
  settles: (code & settlesBit) !== 0,
});

/** Four bits for what is left of each. */
const shifts = { crashes: 0, losses: 4, duplicates: 8, entries: 12, reads: 16, heartbeats: 20 } as const;

type Bound = keyof typeof shifts;

/** Which events are possible in a state, within the scope. */
export class Actions {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** All of what the scope allows. */
  get budgets(): Budgets {
    const bounds = Object.keys(shifts) as Bound[];
    return bounds.reduce((budgets, bound) => budgets | (this.#scope[bound] << shifts[bound]), 0);
  }

  /** Whether a replica can still crash. */
  mayCrash(budgets: Budgets): boolean {
    return left(budgets, 'crashes') > 0;
  }

  possible(locals: readonly Local[], network: readonly Packet[], budgets: Budgets): Action[] {
    const actions: Action[] = [];
    const add = (type: Action['type'], replica: number, number: number): number =>
      actions.push({ type, replica, number });
    for (const { id, to } of network) {
      add('deliver', to, id);
      if (left(budgets, 'duplicates') > 0) add('repeat', to, id);
      if (left(budgets, 'losses') > 0) add('lose', to, id);
    }
    for (const local of locals) this.#ofReplica(local, budgets, add);
    return actions;
  }

  /** What is left after `action`. */
  spend(budgets: Budgets, { type }: Action): Budgets {
    switch (type) {
      case 'crash':
        return budgets - (1 << shifts.crashes);
      case 'lose':
        return budgets - (1 << shifts.losses);
      case 'repeat':
        return budgets - (1 << shifts.duplicates);
      case 'propose':
        return budgets - (1 << shifts.entries);
      case 'read':
        return budgets - (1 << shifts.reads);
      case 'heartbeat':
        return budgets - (1 << shifts.heartbeats);
      default:
        return budgets;
    }
  }

  #ofReplica(
    local: Local,
    budgets: Budgets,
    add: (type: Action['type'], replica: number, number: number) => number,
  ): void {
    const { replica, view, pending } = local;
    if (pending.length > 0) add('sync', replica, 0);
    if (!view.leads && view.epoch < this.#scope.terms) add('timeout', replica, 0);
    if (view.leads) {
      const { entries, reads } = this.#scope;
      if (left(budgets, 'entries') > 0) add('propose', replica, entries - left(budgets, 'entries'));
      if (left(budgets, 'reads') > 0) add('read', replica, reads - left(budgets, 'reads'));
      if (left(budgets, 'heartbeats') > 0) add('heartbeat', replica, 0);
    }
    if (left(budgets, 'crashes') > 0) {
      let unsynced = 0;
      for (const { records } of pending) unsynced += records.length;
      for (let surviving = 0; surviving <= unsynced; surviving++) add('crash', replica, surviving);
    }
  }
}

const left = (budgets: Budgets, bound: Bound): number => (budgets >> shifts[bound]) & 15;
