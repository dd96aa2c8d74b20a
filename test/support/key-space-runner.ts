import { Malformed } from '../../src/core/codec.ts';
import { clusterTime, epoch, index } from '../../src/core/ids.ts';
import type { Store } from '../../src/core/store.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyAnswer,
  type KeyCommand,
  type KeyValue,
  keySpace,
  newSlice,
  readEvents,
} from '../../src/machine/key-space/index.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { MapStore } from './map-store.ts';

/** The key space over a store in memory, with the time and the epoch of its next entry. */
export class KeySpaceRunner {
  readonly store: Store;
  time = 0;
  epoch = 1;
  readonly #machine: Machine;
  #index = 0;

  constructor(store: Store = new MapStore(), machine: Machine = keySpace) {
    this.store = store;
    this.#machine = machine;
  }

  apply(command: KeyCommand): KeyAnswer {
    const context = {
      index: index(++this.#index),
      epoch: epoch(this.epoch),
      time: clusterTime(this.time),
      featureLevel: 1,
    };
    const answer = decodeAnswer(this.#machine.apply(encodeCommand(command), context, this.store));
    if (answer instanceof Malformed) throw answer;
    return answer;
  }

  /** The result alone. */
  result(command: KeyCommand): KeyAnswer['result'] {
    return this.apply(command).result;
  }

  /** Gives back all that compaction made superfluous; how many steps it took. */
  sweep(): number {
    for (let steps = 1; ; steps++) {
      const result = this.result({ type: 'sweep' });
      if (result.type !== 'sweep') throw new Error(`a sweep was answered by ${result.type}`);
      if (result.done) return steps;
    }
  }

  /** Ends what is due now. */
  expire(until: number = this.time): number {
    const command = { type: 'expire', epoch: epoch(this.epoch), until: clusterTime(until) } as const;
    const result = this.result(command);
    if (result.type !== 'expire') throw new Error(`an expiry was answered by ${result.type}`);
    return result.expired;
  }

  /** Events from a revision on, `perSlice` at a time; undefined when they are compacted. */
  events(revision: number, perSlice = Number.POSITIVE_INFINITY): Seen[] | undefined {
    const seen: Seen[] = [];
    let from = { revision, order: 0 };
    for (;;) {
      const slice = newSlice();
      slice.keys = Math.min(slice.keys, perSlice);
      const read = readEvents(this.store, from, Number.MAX_SAFE_INTEGER - 1, slice, (event) => {
        const { type, key, revision: at, order } = event;
        seen.push({ type, key, revision: at, order, pair: event.pair(), previous: event.previous() });
        return true;
      });
      if (read.type === 'compacted') return undefined;
      if (read.type === 'done') return seen;
      from = read.next;
    }
  }
}

export interface Seen {
  readonly previous: KeyValue | undefined;
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  readonly revision: number;
  readonly order: number;
  readonly pair: KeyValue;
}
