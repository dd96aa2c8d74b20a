import { randomBytes } from 'node:crypto';
import { maxLeaseTtl } from '../../core/limits.ts';
import { minLeaseTtlSeconds, sessionLeaseTtlSeconds } from '../limits.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import type { Answered, KeyAccess, ResultOf } from './key-access.ts';

/** Grants leases: as clients ask for them, and on behalf of locks and candidates. */
export class LeaseGrants {
  readonly #keys: KeyAccess;

  constructor(keys: KeyAccess) {
    this.#keys = keys;
  }

  /** `lease` 0: one is chosen. `ttl` in seconds. */
  async grant(lease: bigint, ttl: bigint, call: Call): Promise<Answered<ResultOf<'grant'>> | Failure> {
    if (ttl > BigInt(maxLeaseTtl)) return etcdErrors.leaseTtlTooLarge;
    const seconds = Math.max(Number(ttl), minLeaseTtlSeconds);
    if (lease !== 0n) return this.#keys.execute({ type: 'grant', lease, ttl: seconds }, call);
    return this.#keys.execute({ type: 'grant', lease: randomLease(), ttl: seconds }, call);
  }

  /** The lease itself, or for 0 a new one of a minute. */
  async session(lease: bigint, call: Call): Promise<bigint | Failure> {
    if (lease !== 0n) return lease;
    const granted = await this.grant(0n, BigInt(sessionLeaseTtlSeconds), call);
    return granted instanceof Failure ? granted : granted.result.lease;
  }
}

/** Of 63 bits, so that two never meet: below 2^63, and not 0. */
function randomLease(): bigint {
  const lease = randomBytes(8).readBigUInt64BE() >> 1n;
  return lease === 0n ? 1n : lease;
}
