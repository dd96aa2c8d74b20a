import { present } from '../../core/assert.ts';
import type { Bounds } from '../../protocol/index.ts';
import type { EventType, Local, Packet, Replicas, Step } from './replicas.ts';

/** What is left out of an exploration because something else that is explored shows the same. docs/simulator.md has the arguments. */
export class Reductions {
  readonly #replicas: Replicas;
  readonly #lastEpoch: number;

  constructor(replicas: Replicas, lastEpoch: number) {
    this.#replicas = replicas;
    this.#lastEpoch = lastEpoch;
  }

  /** The model says for how long, the replica itself whether: a mistake in it must not be taken for nothing. */
  isSpent(packet: Packet, locals: readonly Local[], mayCrash: boolean): boolean {
    const receiver = present(locals[packet.to - 1], 'a replica');
    const sender = present(locals[packet.from - 1], 'a replica');
    if (!this.#replicas.isSpent(packet, receiver, sender, this.#bounds(mayCrash))) return false;
    const step = this.#replicas.step(receiver, 'deliver', packet.id);
    const sent = this.#replicas.onlySends(receiver, step);
    return sent?.every((answer) => this.isSpent(answer, locals, mayCrash)) === true;
  }

  /**
   * Whether the write of `step` may become durable before anything else happens: nobody else knows of the step until then, and
   * what else can happen to the replica comes to the same before and after it. `network` is what may arrive meanwhile.
   */
  settles(local: Local, step: Step, network: readonly number[], mayCrash: boolean): boolean {
    const { next } = step;
    const write = next.pending[0];
    if (local.pending.length > 0 || write === undefined || step.broken !== undefined) return false;
    // Of several records a crash may leave some.
    if (mayCrash && write.records.length > 1) return false;
    if (step.sends.length > 0 || step.commits.length > 0 || step.readable.length > 0) return false;
    if (!this.#replicas.keepsSilent(next, this.#bounds(mayCrash))) return false;
    const synced = this.#replicas.step(next, 'sync', 0);
    if (synced.broken !== undefined) return false;
    if (next.view.epoch < this.#lastEpoch && !this.#commutes(next, synced, 'timeout', 0, mayCrash)) {
      return false;
    }
    for (const id of network) {
      if (
        this.#replicas.packet(id).to === next.replica &&
        !this.#commutes(next, synced, 'deliver', id, mayCrash)
      ) {
        return false;
      }
    }
    return true;
  }

  /** Whether an event comes to the same before the sync and after it. What a crash could make undone must not show before it. */
  #commutes(unsynced: Local, synced: Step, type: EventType, number: number, mayCrash: boolean): boolean {
    const before = this.#replicas.step(unsynced, type, number);
    if (before.broken !== undefined || before.readable.length > 0) return false;
    if (mayCrash && (before.sends.length > 0 || before.commits.length > 0)) return false;
    const early = this.#replicas.step(before.next, 'sync', 0);
    const late = this.#replicas.step(synced.next, type, number);
    if (early.next !== late.next) return false;
    return areSame([...before.sends, ...early.sends], [...synced.sends, ...late.sends]);
  }

  #bounds(mayCrash: boolean): Bounds {
    return { lastEpoch: this.#lastEpoch, mayCrash };
  }
}

/** Sets: a message that is under way already is not there twice. */
function areSame(some: readonly Packet[], others: readonly Packet[]): boolean {
  return some.every((packet) => others.includes(packet)) && others.every((packet) => some.includes(packet));
}
