import { keySpaceMutants } from '../machine/key-space/mutants.ts';
import type { Base } from '../protocol/index.ts';
import { laboratory } from '../protocols/laboratory.ts';
import type { PinnedView, ReceivedSnapshot, StoreBackend, StoreBytes } from '../storage/backend.ts';
import type { Callback } from '../storage/disk.ts';
import { diskMutants } from '../storage/mutants.ts';
import type { WorldParts } from './world.ts';

/** A known mistake, as a part of a world. */
export interface WorldMutant {
  readonly name: string;
  /** Where the mistake is made. */
  readonly where: 'protocol' | 'disk' | 'host' | 'machine';
  /** Label in docs/protocols/README.md, of mistakes of a protocol. */
  readonly trap?: string;
  readonly parts: Partial<WorldParts>;
}

/** Mistakes below the protocol: with the disk, and about what is durable. */
export const hostMutants: readonly WorldMutant[] = [
  ...Object.entries(diskMutants).map(
    ([name, throughDisk]): WorldMutant => ({ name, where: 'disk', parts: { throughDisk } }),
  ),
  { name: 'cutAtApplied', where: 'host', parts: { throughBackend: (backend) => new CutAtApplied(backend) } },
];

/** Mistakes of the key space. */
const machineMutants: readonly WorldMutant[] = keySpaceMutants.map(
  ({ name, machine }): WorldMutant => ({
    name: name.replaceAll(/[ ,]+/g, '-'),
    where: 'machine',
    parts: { machine },
  }),
);

/** Every mistake that a world of `protocol` can be run with. */
export function mutantsOf(protocol: string): readonly WorldMutant[] {
  const own = (laboratory.get(protocol)?.mutants ?? []).map(
    ({ name, trap, definition }): WorldMutant => ({ name, where: 'protocol', trap, parts: { definition } }),
  );
  return [...own, ...hostMutants, ...machineMutants];
}

/** Calls the applied state durable, so that the journal is cut below it and not below what is on disk. */
class CutAtApplied implements StoreBackend {
  readonly store: StoreBackend['store'];
  readonly #backend: StoreBackend;

  constructor(backend: StoreBackend) {
    this.#backend = backend;
    this.store = backend.store;
  }

  base(): Base {
    return this.#backend.base();
  }

  applied(base: Base): void {
    this.#backend.applied(base);
  }

  flushed(): Base {
    return this.#backend.base();
  }

  flush(callback: Callback<Base>): void {
    callback(undefined, this.#backend.base());
  }

  pendingBytes(): number {
    return this.#backend.pendingBytes();
  }

  bytes(): StoreBytes {
    return this.#backend.bytes();
  }

  digest(): Uint8Array {
    return this.#backend.digest();
  }

  pin(): PinnedView {
    return this.#backend.pin();
  }

  install(snapshot: ReceivedSnapshot, callback: Callback<void>): void {
    this.#backend.install(snapshot, callback);
  }

  close(callback: Callback<void>): void {
    this.#backend.close(callback);
  }
}
