import { setImmediate as turn } from 'node:timers/promises';
import { maxRenewals } from '../../core/limits.ts';
import { maxWaitingRenewals } from '../limits.ts';
import { Failure } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import type { KeyAccess } from './key-access.ts';
import { serverCall } from './server-call.ts';

/** Seconds that the lease lives from now on, 0 when it is gone; or why that is not known. */
export type Renewed = number | Failure;

interface Waiting {
  readonly lease: bigint;
  readonly resolve: (renewed: Renewed) => void;
  readonly reject: (mistake: unknown) => void;
}

/**
 * Gathers keep-alives. Renewals are ordered like all else (docs/decisions/0007-leases.md), so one command is under way
 * at a time and carries everything that arrived during the one before it.
 */
export class Renewals {
  readonly #keys: KeyAccess;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(keys: KeyAccess) {
    this.#keys = keys;
  }

  /** Answers in the order of asking. Rejects for mistakes of ours alone. */
  renew(lease: bigint): Promise<Renewed> {
    if (this.#waiting.length >= maxWaitingRenewals) return Promise.resolve(etcdErrors.tooManyRequests);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lease, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What arrives in the same turn goes along.
      await turn();
      const batch = this.#waiting.splice(0, maxRenewals);
      try {
        const ttls = await this.#order(new Set(batch.map(({ lease }) => lease)));
        for (const { lease, resolve } of batch) {
          resolve(ttls instanceof Failure ? ttls : (ttls.get(lease) ?? 0));
        }
      } catch (mistake) {
        for (const { reject } of batch) reject(mistake);
      }
    }
    this.#running = false;
  }

  async #order(asked: ReadonlySet<bigint>): Promise<ReadonlyMap<bigint, number> | Failure> {
    const leases = [...asked];
    const answered = await this.#keys.execute({ type: 'renew', leases }, serverCall);
    if (answered instanceof Failure) return answered;
    const { ttls } = answered.result;
    return new Map(leases.map((lease, at) => [lease, ttls[at] ?? 0]));
  }
}
