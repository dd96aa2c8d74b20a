import { assert, present } from '../../core/assert.ts';
import { decode, type Malformed, Writer } from '../../core/codec.ts';
import { type Index, index, type NodeId } from '../../core/ids.ts';
import { type Configuration, readConfiguration, writeConfiguration } from '../../protocol/index.ts';
import { hasMajority, majorityValue } from '../../quorum/index.ts';

/** The payload of an entry of kind `configuration`. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new Writer(256);
  writeConfiguration(writer, configuration);
  return writer.finish();
}

export const decodeConfiguration = (bytes: Uint8Array): Configuration | Malformed =>
  decode(bytes, readConfiguration);

/** A joint configuration needs both majorities (thesis, section 4.3). */
export function isQuorum(configuration: Configuration, supports: (id: NodeId) => boolean): boolean {
  return hasMajority(configuration.voters, supports) && hasMajority(configuration.outgoing, supports);
}

/** The largest value that a quorum has reached. */
export function quorumValue(configuration: Configuration, reached: (id: NodeId) => number): number {
  return Math.min(
    majorityValue(configuration.voters, reached),
    majorityValue(configuration.outgoing, reached),
  );
}

interface InForceFrom {
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
    const found = this.#history.findLast((entry) => entry.index <= at);
    return present(found, 'configurations reach down to the floor').configuration;
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
