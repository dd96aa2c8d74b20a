import { assert } from '../core/assert.ts';
import { Malformed } from '../core/codec.ts';
import { type Index, index, type NodeId } from '../core/ids.ts';
import { hasJointMajority } from '../quorum/index.ts';
import type { CommittedEntry, Effect } from './contract.ts';
import { type Configuration, decodeConfiguration, sameConfiguration } from './membership.ts';

interface Electorate {
  /** Of the entry that it came with. */
  readonly index: Index;
  readonly configuration: Configuration;
}

/**
 * What was delivered anywhere is on the disks of a quorum for ever after: only who sees all disks can check that. A quorum is
 * one of the newest configuration that was delivered, since whoever decided that one had all before it; or of one that was
 * in force after it anywhere, even if it was lost again: entries may have been counted by it, and quorums of the two meet.
 * Configurations before it count no more, whoever still has them.
 */
export class Durability {
  readonly #delivered: CommittedEntry[] = [];
  #decided: Electorate;
  #later: Electorate[] = [];

  constructor(initial: Configuration) {
    this.#decided = { index: index(0), configuration: initial };
  }

  /** After each step of a replica. */
  stepped(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'configuration') this.#inForce(effect);
      else if (effect.type === 'commit') for (const entry of effect.entries) this.#deliver(entry);
    }
  }

  /** The last `latest` entries, or all; `holds`: whether that very entry is on the disk of a replica. Throws `InvariantViolation`. */
  check(holds: (id: NodeId, entry: CommittedEntry) => boolean, latest = this.#delivered.length): void {
    const electorates = [this.#decided, ...this.#later].map(({ configuration }) => configuration);
    for (let at = Math.max(0, this.#delivered.length - latest); at < this.#delivered.length; at++) {
      const entry = this.#delivered[at] as CommittedEntry;
      assert(
        electorates.some(({ voters, outgoing }) =>
          hasJointMajority([voters, outgoing], (id) => holds(id, entry)),
        ),
        `entry ${entry.index} of epoch ${entry.epoch}, which was delivered, is on the disks of a quorum`,
      );
    }
  }

  #inForce({ index, configuration }: Electorate): void {
    if (index <= this.#decided.index) return;
    const isKnown = this.#later.some(
      (each) => each.index === index && sameConfiguration(each.configuration, configuration),
    );
    if (!isKnown) this.#later.push({ index, configuration });
  }

  #deliver(entry: CommittedEntry): void {
    if (entry.index <= this.#delivered.length) return;
    this.#delivered.push(entry);
    if (entry.kind !== 'configuration') return;
    const configuration = decodeConfiguration(entry.payload);
    assert(!(configuration instanceof Malformed), 'what was delivered can be read');
    this.#decided = { index: entry.index, configuration };
    this.#later = this.#later.filter((each) => each.index > entry.index);
  }
}
