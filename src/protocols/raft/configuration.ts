import { assert, present } from '../../core/assert.ts';
import type { Writer } from '../../core/codec.ts';
import { type Index, index, type NodeId } from '../../core/ids.ts';
import { type Configuration, isVoter, writeConfiguration } from '../../protocol/index.ts';

export interface InForceFrom {
  readonly index: Index;
  readonly configuration: Configuration;
}

/**
 * The configurations along the log. Each is in force from when it is appended, not from when it is committed, and the
 * one before it is in force again when it is truncated (thesis, section 4.1).
 */
export class Configurations {
  #history: InForceFrom[];

  constructor(at: Index, configuration: Configuration) {
    this.#history = [{ index: at, configuration }];
  }

  get current(): InForceFrom {
    return present(this.#history.at(-1), 'some configuration is always in force');
  }

  append(at: Index, configuration: Configuration): void {
    assert(at > this.current.index, 'configurations come in the order of the log');
    this.#history.push({ index: at, configuration });
  }

  truncateFrom(from: Index): void {
    while (this.#history.length > 1 && this.current.index >= from) this.#history.pop();
    assert(this.current.index < from, 'the configuration at the floor is final');
  }

  forgetUpTo(floor: Index): void {
    while ((this.#history[1]?.index ?? Number.POSITIVE_INFINITY) <= floor) this.#history.shift();
  }

  restartAt(at: Index, configuration: Configuration): void {
    this.#history = [{ index: at, configuration }];
  }

  /** What was in force at `at`, which is not below the floor. */
  at(at: Index): Configuration {
    return this.inForceAt(at).configuration;
  }

  inForceAt(at: Index): InForceFrom {
    const found = this.#history.findLast((entry) => entry.index <= at);
    return present(found, 'configurations reach down to the floor');
  }

  /** Whether `id` votes in the configuration in force at `at`, or in any after it. */
  votesSince(at: Index, id: NodeId): boolean {
    const from = this.#history.findLastIndex((entry) => entry.index <= at);
    return this.#history.slice(Math.max(0, from)).some(({ configuration }) => isVoter(configuration, id));
  }

  fork(): Configurations {
    const copy = new Configurations(index(0), this.current.configuration);
    copy.#history = this.#history.slice();
    return copy;
  }

  write(writer: Writer): void {
    writer.uint(this.#history.length);
    for (const { index: from, configuration } of this.#history) {
      writer.uint(from);
      writeConfiguration(writer, configuration);
    }
  }
}

/** Everyone but `self` who takes part, ordered by id. */
export function peersOf(configuration: Configuration, self: NodeId): readonly NodeId[] {
  const ids = new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]);
  ids.delete(self);
  return [...ids].sort((a, b) => a - b);
}
