import { Families } from './families.ts';
import { mix } from './fingerprint.ts';
import { Names } from './names.ts';
import type { Local, Replicas } from './replicas.ts';
import { type NamedPackets, States, type WholeState } from './states.ts';

/**
 * The states that were visited. One that has all the messages of another, and is the same otherwise, can do all that the
 * other one can: no message has to arrive. So the other one is not visited.
 */
export class Visited {
  readonly states: States;
  readonly #replicas: Replicas;
  readonly #families = new Families();
  readonly #marks: Marks;
  readonly #nameOf: (packet: number, renaming: number) => number;
  readonly #names = new Names();
  /** Whether to leave out more than what is the same. */
  readonly #covers: boolean;
  /** The renamings under which the family of the present state has the smallest name. */
  readonly #best: number[] = [];
  #high = 0;
  #low = 0;

  constructor(replicas: Replicas, count: number, covers: boolean) {
    this.#replicas = replicas;
    this.states = new States(count);
    this.#covers = covers;
    this.#nameOf = (packet, renaming): number => replicas.nameOf(packet, renaming);
    this.#marks = new Marks(this.#nameOf);
  }

  /** Families that were met: states that differ in messages only are of one. */
  get families(): number {
    return this.#families.size;
  }

  /** False when there was one before that can do all that it can. */
  add(parent: number, action: number, state: WholeState): boolean {
    this.#findFamily(state);
    if (!this.#isNew(state.packets)) return false;
    const older = this.#families.newest(this.#high, this.#low);
    for (let at = this.#best.length - 1; at >= 0; at--) {
      this.#marks.set(state.packets, this.#best[at] as number);
      if (this.#covers && this.states.someHolds(older, this.#marks, this.#nameOf)) return false;
    }
    const renaming = this.#best[0] as number;
    const { signature } = this.#marks;
    this.#families.enter(this.#high, this.#low, this.states.count);
    this.states.add(parent, action, state, { renaming, signature, older });
    return true;
  }

  /** Whether the very same was asked before: most that is reached was. Its name is the smallest under the best renamings. */
  #isNew(packets: readonly number[]): boolean {
    let [bestHigh, bestLow] = [0, 0];
    for (let which = 0; which < this.#best.length; which++) {
      const renaming = this.#best[which] as number;
      let [high, low] = [this.#high, this.#low];
      for (let i = 0; i < packets.length; i++) {
        const name = this.#nameOf(packets[i] as number, renaming);
        high += mix(name + 0x5bd1e995);
        low += mix(name + 0x165667b1);
      }
      high >>>= 0;
      low >>>= 0;
      const isLess = which === 0 || high < bestHigh || (high === bestHigh && low < bestLow);
      if (isLess) [bestHigh, bestLow] = [high, low];
    }
    return this.#names.add(bestHigh, bestLow);
  }

  /** Its smallest name under all renamings. Sums, so that the order of replicas plays no part. */
  #findFamily({ locals, past, budgets }: WholeState): void {
    const best = this.#best;
    const spent = Math.imul(budgets + 1, 0x9e3779b1) >>> 0;
    for (let at = 0; at < this.#replicas.symmetries; at++) {
      let high = past.fingerprint[2 * at] as number;
      let low = (past.fingerprint[2 * at + 1] as number) ^ spent;
      for (let i = 0; i < locals.length; i++) {
        const { fingerprint } = locals[i] as Local;
        high += fingerprint[2 * at] as number;
        low += fingerprint[2 * at + 1] as number;
      }
      high >>>= 0;
      low >>>= 0;
      const isLess = at === 0 || high < this.#high || (high === this.#high && low < this.#low);
      if (isLess) {
        this.#high = high;
        this.#low = low;
        best.length = 0;
        best.push(at);
      } else if (high === this.#high && low === this.#low) best.push(at);
    }
  }
}

/** A set of messages by their names, to be filled again and again. */
class Marks implements NamedPackets {
  readonly #nameOf: (packet: number, renaming: number) => number;
  #stamps = new Uint32Array(256);
  #stamp = 0;
  count = 0;
  signature = 0;

  constructor(nameOf: (packet: number, renaming: number) => number) {
    this.#nameOf = nameOf;
  }

  set(packets: readonly number[], renaming: number): void {
    this.#stamp++;
    if (this.#stamp > 0xffff_ffff) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
    this.count = packets.length;
    this.signature = 0;
    for (let i = 0; i < packets.length; i++) {
      const name = this.#nameOf(packets[i] as number, renaming);
      this.#mark(name);
      this.signature |= 1 << (Math.imul(name + 1, 0x9e3779b1) >>> 27);
    }
  }

  has(name: number): boolean {
    return this.#stamps[name] === this.#stamp;
  }

  #mark(name: number): void {
    if (name >= this.#stamps.length) {
      const grown = new Uint32Array(2 * name);
      grown.set(this.#stamps);
      this.#stamps = grown;
    }
    this.#stamps[name] = this.#stamp;
  }
}
