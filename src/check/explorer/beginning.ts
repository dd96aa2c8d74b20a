import type { Action } from './actions.ts';
import type { Local, Packet, Replicas } from './replicas.ts';

/** Commands of a scenario that an exploration can begin with, and what each does to the whole. */
export interface Stage {
  readonly replicas: Replicas;
  readonly count: number;
  local(replica: number): Local;
  /** Carries one event out. What was sent; undefined when something was broken, and nothing goes on. */
  act(action: Action): readonly Packet[] | undefined;
}

/** A command that cannot be carried out, with its line. */
export class NoBeginning extends Error {
  override readonly name = 'NoBeginning';
}

/** How many replicas a scenario is about; undefined when it does not say. */
export function replicasIn(scenario: string): number | undefined {
  const [, count] = /^> *cluster +([1-9])\s*$/m.exec(scenario) ?? [];
  return count === undefined ? undefined : Number(count);
}

/**
 * Acts out the commands of `scenario`: `timeout`, `sync`, `deliver`, `drop`, `propose`, `crash` and `start`, as `runScenario` has
 * them; a replica starts as soon as it has crashed. Returns what is under way at the end. Throws `NoBeginning`.
 */
export function begin(scenario: string, stage: Stage): readonly number[] {
  const cast = new Cast(stage);
  for (const line of scenario.split('\n')) {
    if (line.startsWith('>')) cast.perform(line.slice(1).trim());
  }
  return cast.network;
}

class Cast {
  readonly #stage: Stage;
  /** In the order of sending. */
  readonly network: number[] = [];
  #proposals = 0;
  #over = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  perform(line: string): void {
    if (this.#over) return;
    const [command = '', ...words] = line.split(/ +/);
    const [first = 0, second = 0] = words.map(Number);
    switch (command) {
      case 'cluster':
      case 'start':
        return;
      case 'timeout':
        return this.#act({ type: 'timeout', replica: this.#replica(first, line), number: 0 });
      case 'propose':
        return this.#act({
          type: 'propose',
          replica: this.#replica(first, line),
          number: this.#proposals++,
        });
      case 'crash':
        return this.#act({ type: 'crash', replica: this.#replica(first, line), number: second });
      case 'sync': {
        const replica = this.#replica(first, line);
        let left = words.length > 1 ? second : Number.POSITIVE_INFINITY;
        for (; left > 0 && !this.#over && this.#stage.local(replica).pending.length > 0; left--) {
          this.#act({ type: 'sync', replica, number: 0 });
        }
        return;
      }
      case 'deliver':
      case 'drop': {
        const [id] = this.network.splice(this.#find(words, line), 1);
        const type = command === 'drop' ? 'lose' : 'deliver';
        if (id !== undefined) this.#act({ type, replica: second, number: id });
        return;
      }
      default:
        throw new NoBeginning(`"${line}": an exploration cannot begin with ${command}`);
    }
  }

  #act(action: Action): void {
    const sends = this.#stage.act(action);
    this.#over = sends === undefined;
    for (const { id } of sends ?? []) this.network.push(id);
  }

  #replica(word: number, line: string): number {
    if (Number.isInteger(word) && word >= 1 && word <= this.#stage.count) return word;
    throw new NoBeginning(`"${line}": there is no such replica`);
  }

  #find(words: readonly string[], line: string): number {
    const [from, to, nth = 1] = words.map(Number);
    let left = nth;
    for (const [at, id] of this.network.entries()) {
      const packet = this.#stage.replicas.packet(id);
      if (packet.from === from && packet.to === to && --left === 0) return at;
    }
    throw new NoBeginning(`"${line}": no such message is under way`);
  }
}
