import { setImmediate as turn } from 'node:timers/promises';
import type { DriverCall } from '../client/driver.ts';
import { CoordinationError } from '../client/errors.ts';
import { maxRenewals } from '../core/limits.ts';
import type { KeyAccess } from './access.ts';

/** For one command with renewals, in ms: those who wait for the next one do not wait for long. */
const batchMs = 2_000;

interface Waiting {
  readonly lease: bigint;
  readonly resolve: (ttl: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers renewals: one command is under way at a time, and takes along what came during the one before it. */
export class Renewals {
  readonly #keys: KeyAccess;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(keys: KeyAccess) {
    this.#keys = keys;
  }

  renew(lease: bigint, call: DriverCall): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = (): void => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== renewal);
        reject(new CoordinationError('deadline', 'refused', 'the lease was not renewed in time'));
      };
      const timer = setTimeout(late, call.deadlineMs);
      const renewal: Waiting = {
        lease,
        resolve: (ttl) => {
          clearTimeout(timer);
          resolve(ttl);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.push(renewal);
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      await turn();
      const batch = this.#waiting.splice(0, maxRenewals);
      const leases = [...new Set(batch.map(({ lease }) => lease))];
      try {
        const { result } = await this.#keys.execute(
          { type: 'renew', leases },
          { signal: undefined, deadlineMs: batchMs },
        );
        const ttls = new Map(leases.map((lease, at) => [lease, result.ttls[at] ?? 0]));
        for (const { lease, resolve } of batch) resolve(ttls.get(lease) ?? 0);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }
}
