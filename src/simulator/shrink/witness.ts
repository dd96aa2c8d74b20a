import { assert } from '../../core/assert.ts';
import type { NodeId, ReadId } from '../../core/ids.ts';
import { Durability } from '../../protocol/durability.ts';
import type { Configuration, Effect, ExplorationModel, Input, Message } from '../../protocol/index.ts';
import type { Rehearsal } from '../../protocol/rehearsal.ts';

/** Older entries were looked at when they were young; what takes one away takes what follows it too. */
const latest = 8;

/** Sees all replicas and their disks, and what only somebody who does can check: durability and reads. */
export class Witness {
  readonly #model: ExplorationModel;
  readonly #durability: Durability;
  readonly #disks = new Map<
    NodeId,
    { readonly records: number; readonly epochs: readonly (number | undefined)[] }
  >();
  #delivered = 0;
  /** How much had been delivered anywhere when a read began. */
  readonly #reads = new Map<ReadId, number>();

  constructor(model: ExplorationModel, initial: Configuration) {
    this.#model = model;
    this.#durability = new Durability(initial);
  }

  stepped(inputs: readonly Input[], effects: readonly Effect[]): void {
    for (const input of inputs) if (input.type === 'read') this.#reads.set(input.id, this.#delivered);
    this.#durability.stepped(effects);
    for (const effect of effects) {
      if (effect.type === 'commit') {
        this.#delivered = Math.max(this.#delivered, effect.entries.at(-1)?.index ?? 0);
      } else if (effect.type === 'readable') {
        const floor = this.#reads.get(effect.id) ?? 0;
        assert(
          effect.index >= floor,
          `a read that began after entry ${floor} was delivered sees it, and not only up to ${effect.index}`,
        );
      }
    }
  }

  /** After each event. */
  check({ actors }: Rehearsal<Message>): void {
    for (const { id, disk } of actors.values()) {
      if (this.#disks.get(id)?.records === disk.records.length) continue;
      const epochs = this.#model.durableEpochs(disk.records);
      this.#disks.set(id, { records: disk.records.length, epochs });
    }
    this.#durability.check(
      (id, { index, epoch }) =>
        index <= (actors.get(id)?.disk.flushed ?? 0) || this.#disks.get(id)?.epochs[index] === epoch,
      latest,
    );
  }
}
