import type { SimulatedNetwork } from './network.ts';
import type { Repairs } from './repairs.ts';
import type { Victim } from './victim.ts';

/** Cuts links between machines for a while. */
export class Cuts {
  readonly #network: SimulatedNetwork;
  readonly #repairs: Repairs;
  readonly #victims: readonly Victim[];

  constructor(network: SimulatedNetwork, repairs: Repairs, victims: readonly Victim[]) {
    this.#network = network;
    this.#repairs = repairs;
    this.#victims = victims;
  }

  /** False when that parts nobody who runs from anybody: there is no such link, or it was cut before. */
  cut(separated: (from: Victim, to: Victim) => boolean): boolean {
    const network = this.#network;
    const cuts: [from: string, to: string][] = [];
    let parted = false;
    for (const from of this.#victims) {
      for (const to of this.#victims) {
        if (from === to || !separated(from, to)) continue;
        cuts.push([from.name, to.name]);
        parted ||= from.state !== 'down' && to.state !== 'down' && !network.isCut(from.name, to.name);
      }
    }
    for (const [from, to] of cuts) network.cut(from, to);
    this.#repairs.later(() => {
      for (const [from, to] of cuts) network.restore(from, to);
    });
    return parted;
  }
}
