import { setImmediate as turn } from 'node:timers/promises';
import type { DriverCall } from '../client/driver.ts';
import { maxRenewals } from '../core/limits.ts';
import type { KeyAccess } from './access.ts';

interface Waiting {
  readonly lease: bigint;
  readonly call: DriverCall;
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
      this.#waiting.push({ lease, call, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      await turn();
      const batch = this.#waiting.splice(0, maxRenewals);
      const leases = [...new Set(batch.map(({ lease }) => lease))];
      const deadlineMs = Math.min(...batch.map(({ call }) => call.deadlineMs));
      try {
        const { result } = await this.#keys.execute(
          { type: 'renew', leases },
          { signal: undefined, deadlineMs },
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
