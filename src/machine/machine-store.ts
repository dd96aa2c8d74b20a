import { part } from '../core/bytes.ts';
import type { ReadStore, ScanRange, Store } from '../core/store.ts';
import { machineSpace } from './layout.ts';

type Pairs = IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;

class MachineReadStore implements ReadStore {
  readonly #store: ReadStore;

  constructor(store: ReadStore) {
    this.#store = store;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#store.get(keyInMachineSpace(key));
  }

  *scan(range: ScanRange): Pairs {
    const from = inMachineSpace(range.from);
    const to = range.to === undefined ? Uint8Array.of(machineSpace + 1) : inMachineSpace(range.to);
    for (const [key, value] of this.#store.scan({ ...range, from, to }))
      yield [part(key, 1, key.length), value];
  }
}

/** The machine's part of a store: what the machine sees as the whole. Without state of its own, so it is never stale. */
export class MachineStore extends MachineReadStore implements Store {
  readonly store: Store;

  constructor(store: Store) {
    super(store);
    this.store = store;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.store.put(keyInMachineSpace(key), value);
  }

  delete(key: Uint8Array): void {
    this.store.delete(keyInMachineSpace(key));
  }
}

/** The machine's part of a replica's state, to read from: as long as `store` itself may be read. */
export function machineView(store: ReadStore): ReadStore {
  return new MachineReadStore(store);
}

function inMachineSpace(key: Uint8Array): Uint8Array {
  const whole = new Uint8Array(key.length + 1);
  whole[0] = machineSpace;
  whole.set(key, 1);
  return whole;
}

/** One of each length. */
const keysAtHand: Uint8Array[] = [];
const longestAtHand = 256;

/** A key of the machine in its space, until the next one: stores do not keep the key that they are handed. */
function keyInMachineSpace(key: Uint8Array): Uint8Array {
  if (key.length >= longestAtHand) return inMachineSpace(key);
  for (let length = keysAtHand.length; length <= key.length; length++)
    keysAtHand.push(new Uint8Array(length + 1).fill(machineSpace));
  const whole = keysAtHand[key.length] as Uint8Array;
  whole.set(key, 1);
  return whole;
}
