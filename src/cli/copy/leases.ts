import { ClientFailure, methods } from '../../client/wire/index.ts';
import type { Store } from '../store.ts';
import { patienceMs } from './entries.ts';

/**
 * Leases of the source that keys hang on, granted in the target with the same id and the full time that they were granted
 * at first. Whoever keeps one alive can go on to do so at the target; if nobody does, its keys go as they would have.
 */
export class CarriedLeases {
  readonly #source: Store;
  readonly #target: Store;
  readonly #signal: AbortSignal;
  readonly #carried = new Map<bigint, 'carried' | 'ended'>();

  constructor(source: Store, target: Store, signal: AbortSignal) {
    this.#source = source;
    this.#target = target;
    this.#signal = signal;
  }

  get carried(): number {
    return [...this.#carried.values()].filter((state) => state === 'carried').length;
  }

  /** False when the lease has ended, in one of the two places. */
  async carry(id: bigint): Promise<boolean> {
    let state = this.#carried.get(id);
    if (state === undefined) {
      state = (await this.#grant(id)) ? 'carried' : 'ended';
      this.#carried.set(id, state);
    }
    return state === 'carried';
  }

  ended(id: bigint): void {
    this.#carried.set(id, 'ended');
  }

  async #grant(id: bigint): Promise<boolean> {
    const limits = { deadline: Date.now() + patienceMs, patient: true, signal: this.#signal };
    const { TTL, grantedTTL } = await this.#source.cluster.call(
      methods.leaseTimeToLive,
      'read',
      { ID: id, keys: false },
      limits,
    );
    if (TTL < 0n) return false;
    try {
      // May be repeated: a second grant of the same id is refused.
      await this.#target.cluster.call(methods.leaseGrant, 'read', { ID: id, TTL: grantedTTL }, limits);
    } catch (error) {
      if (!(error instanceof ClientFailure) || !/lease already exists/.test(error.message)) throw error;
    }
    return true;
  }
}
