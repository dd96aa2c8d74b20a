import { setImmediate as turn } from 'node:timers/promises';
import { maxRenewals } from '../../core/limits.ts';
import { maxWaitingRenewals } from '../limits.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import type { KeyAccess } from './key-access.ts';
import { nobodysCall, serverCall } from './server-call.ts';

/** Seconds that the lease lives from now on, 0 when it is gone; or why that is not known. */
export type Renewed = number | Failure;

interface Waiting {
  readonly lease: bigint;
  /** Whoever wants it was asked who he is, and may. */
  readonly permitted: boolean;
  readonly resolve: (renewed: Renewed) => void;
  readonly reject: (mistake: unknown) => void;
}

/**
 * Gathers keep-alives. Renewals are ordered like all else (docs/decisions/0007-leases.md), so one command is under way
 * at a time and carries everything that arrived during the one before it.
 */
export class Renewals {
  readonly #keys: KeyAccess;
  readonly #usersAreAsked: () => boolean;
  #waiting: Waiting[] = [];
  #running = false;

  /** `usersAreAsked`: as far as this replica knows. */
  constructor(keys: KeyAccess, usersAreAsked: () => boolean) {
    this.#keys = keys;
    this.#usersAreAsked = usersAreAsked;
  }

  /** To be called in the same turn in which the caller was let through. Answers in the order of asking. Rejects for mistakes of ours alone. */
  renew(lease: bigint): Promise<Renewed> {
    if (this.#waiting.length >= maxWaitingRenewals) return Promise.resolve(etcdErrors.tooManyRequests);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lease, permitted: this.#usersAreAsked(), resolve, reject });
      if (this.#running) return;
      this.#running = true;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What arrives in the same turn goes along.
      await turn();
      // Those who were not asked go by themselves: should users be asked for by then, they are refused alone.
      const { permitted } = this.#waiting[0] as Waiting;
      const other = this.#waiting.findIndex((waiting) => waiting.permitted !== permitted);
      const batch = this.#waiting.splice(0, other < 0 ? maxRenewals : Math.min(other, maxRenewals));
      try {
        const leases = new Set(batch.map(({ lease }) => lease));
        const ttls = await this.#order(leases, permitted ? serverCall : nobodysCall);
        for (const { lease, resolve } of batch) {
          resolve(ttls instanceof Failure ? ttls : (ttls.get(lease) ?? 0));
        }
      } catch (mistake) {
        for (const { reject } of batch) reject(mistake);
      }
    }
    this.#running = false;
  }

  async #order(asked: ReadonlySet<bigint>, call: Call): Promise<ReadonlyMap<bigint, number> | Failure> {
    const leases = [...asked];
    const answered = await this.#keys.execute({ type: 'renew', leases }, call);
    if (answered instanceof Failure) return answered;
    const { ttls } = answered.result;
    return new Map(leases.map((lease, at) => [lease, ttls[at] ?? 0]));
  }
}
