import type { CallOptions, Lease } from './coordination.ts';
import type { Driver, DriverCall, Grant } from './driver.ts';
import { CoordinationError, codeOf } from './errors.ts';
import { pause } from './pause.ts';

/** What a lease has to do when its time comes, as parts of its time to live. */
const renewAfter = 1 / 3;
const renewalDeadline = 1 / 3;
const retryAfter = 1 / 20;
/** Kept back for clocks that do not run equally fast. */
const margin = 1 / 20;

/**
 * Time that has passed, by the clock that says more. The monotonic one stands still while the machine sleeps; the other
 * one can be set back.
 */
class Stopwatch {
  readonly #monotonic = performance.now();
  readonly #wall = Date.now();

  get elapsedMs(): number {
    return Math.max(performance.now() - this.#monotonic, Date.now() - this.#wall);
  }
}

/** A lease that is renewed until it is revoked or lost. */
export class KeptLease implements Lease {
  readonly id: bigint;
  readonly ttl: number;
  readonly #driver: Driver;
  readonly #lost = new AbortController();
  readonly #ended: (lease: KeptLease) => void;
  /** Runs since before the grant, or the last renewal, was sent: the server's time began later. */
  #since: Stopwatch;
  #validMs: number;
  #timer: NodeJS.Timeout;

  /** `ended` is called once. */
  static async grant(
    driver: Driver,
    ttlSeconds: number,
    call: DriverCall,
    ended: (lease: KeptLease) => void,
  ): Promise<KeptLease> {
    if (!(ttlSeconds > 0)) {
      throw new CoordinationError('invalid', 'refused', 'a lease takes a time to live above 0 seconds');
    }
    const since = new Stopwatch();
    return new KeptLease(driver, await driver.grant(Math.ceil(ttlSeconds), call), since, ended);
  }

  private constructor(driver: Driver, grant: Grant, since: Stopwatch, ended: (lease: KeptLease) => void) {
    this.id = grant.id;
    this.ttl = grant.ttl;
    this.#driver = driver;
    this.#since = since;
    this.#validMs = grant.ttl * 1_000;
    this.#ended = ended;
    this.#timer = setTimeout(() => this.#expire(), this.#leftMs);
    void this.#keep();
  }

  /** Looks at the clock too: after a stall of this process, the timer may not have had its turn yet. */
  get lost(): AbortSignal {
    if (this.#leftMs <= 0) this.#expire();
    return this.#lost.signal;
  }

  async revoke(options: CallOptions = {}): Promise<void> {
    this.drop('the lease was revoked by its holder');
    await this.#driver.revoke(this.id, {
      signal: options.signal,
      deadlineMs: options.deadlineMs ?? this.#validMs,
    });
  }

  /** Revokes. If that cannot be done, the lease runs out by itself, as nobody renews it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke().catch(() => undefined);
  }

  /** It is renewed no longer. */
  drop(why: string): void {
    if (this.#lost.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#ended(this);
    this.#lost.abort(new CoordinationError('leaseLost', 'refused', why));
  }

  get #leftMs(): number {
    return this.#validMs * (1 - margin) - this.#since.elapsedMs;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#lost;
    await pause(this.#validMs * renewAfter - this.#since.elapsedMs, signal);
    while (!signal.aborted) {
      const outcome = await this.#renew(signal);
      if (outcome === 'gone') this.drop('the server says that the lease is gone');
      else if (outcome === 'failed') await pause(this.#validMs * retryAfter, signal);
      else await pause(this.#validMs * renewAfter - this.#since.elapsedMs, signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<'renewed' | 'gone' | 'failed'> {
    const since = new Stopwatch();
    try {
      const ttl = await this.#driver.renew(this.id, {
        signal,
        deadlineMs: this.#validMs * renewalDeadline,
      });
      if (ttl <= 0) return 'gone';
      // An answer that comes too late renews nothing here: the loss was, or ought to have been, told already.
      if (this.#leftMs <= 0) this.#expire();
      this.#since = since;
      this.#validMs = ttl * 1_000;
      clearTimeout(this.#timer);
      if (!signal.aborted) this.#timer = setTimeout(() => this.#expire(), this.#leftMs);
      return 'renewed';
    } catch (error) {
      return codeOf(error) === 'leaseLost' ? 'gone' : 'failed';
    }
  }

  #expire(): void {
    this.drop('no server renewed the lease in time: it may have expired');
  }
}
