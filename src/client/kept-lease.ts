import { maxLeaseTtl } from '../core/limits.ts';
import type { CallOptions, Lease } from './coordination.ts';
import type { Driver, DriverCall, Grant } from './driver.ts';
import { CoordinationError, codeOf } from './errors.ts';
import { maxTimerMs, pause } from './pause.ts';

/** What a lease has to do when its time comes, as parts of its time to live. */
const renewAfter = 1 / 3;
const renewalDeadline = 1 / 3;
const retryAfter = 1 / 20;
/** However long the lease, in ms: what was asked and not answered fails, and is asked again. */
const maxRenewalMs = 30_000;
const maxRetryMs = 600_000;
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

export interface LeaseHost {
  /** Milliseconds for a revocation that does not say otherwise. */
  readonly deadlineMs: number;
  /** It is lost, or its revocation was answered, or given up. */
  ended(lease: KeptLease): void;
}

/** A lease that is renewed until it is revoked or lost. */
export class KeptLease implements Lease {
  readonly id: bigint;
  readonly ttl: number;
  readonly #driver: Driver;
  readonly #lost = new AbortController();
  readonly #host: LeaseHost;
  /** Runs since before the grant, or the last renewal, was sent: the server's time began later. */
  #since: Stopwatch;
  #validMs: number;
  #timer: NodeJS.Timeout | undefined;
  #revoking: Promise<void> | undefined;

  static async grant(
    driver: Driver,
    ttlSeconds: number,
    call: DriverCall,
    host: LeaseHost,
  ): Promise<KeptLease> {
    if (!(ttlSeconds > 0 && ttlSeconds <= maxLeaseTtl)) {
      const message = `a lease takes a time to live above 0 and up to ${maxLeaseTtl} seconds; nothing was sent`;
      throw new CoordinationError('invalid', 'refused', message);
    }
    const since = new Stopwatch();
    return new KeptLease(driver, await driver.grant(Math.ceil(ttlSeconds), call), since, host);
  }

  private constructor(driver: Driver, grant: Grant, since: Stopwatch, host: LeaseHost) {
    this.id = grant.id;
    this.ttl = grant.ttl;
    this.#driver = driver;
    this.#since = since;
    this.#validMs = grant.ttl * 1_000;
    this.#host = host;
    this.#watchClock();
    void this.#keep();
  }

  /** Looks at the clock too: after a stall of this process, the timer may not have had its turn yet. */
  get lost(): AbortSignal {
    if (this.#leftMs <= 0) this.#expire();
    return this.#lost.signal;
  }

  async revoke(options: CallOptions = {}): Promise<void> {
    this.#lose('the lease was revoked by its holder');
    this.#revoking = this.#driver.revoke(this.id, {
      signal: options.signal,
      deadlineMs: options.deadlineMs ?? Math.min(this.#validMs, this.#host.deadlineMs),
    });
    try {
      await this.#revoking;
    } catch (error) {
      this.#revoking = undefined;
      throw error;
    } finally {
      this.#host.ended(this);
    }
  }

  /** Revokes. If that cannot be done, the lease runs out by itself, as nobody renews it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#revoking ?? this.revoke()).catch(() => undefined);
  }

  #drop(why: string): void {
    this.#lose(why);
    this.#host.ended(this);
  }

  /** It is renewed no longer. */
  #lose(why: string): void {
    if (this.#lost.signal.aborted) return;
    clearTimeout(this.#timer);
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
      if (outcome === 'gone') this.#drop('the server says that the lease is gone');
      else if (outcome === 'failed') await pause(Math.min(this.#validMs * retryAfter, maxRetryMs), signal);
      else await pause(this.#validMs * renewAfter - this.#since.elapsedMs, signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<'renewed' | 'gone' | 'failed'> {
    const since = new Stopwatch();
    try {
      const ttl = await this.#driver.renew(this.id, {
        signal,
        deadlineMs: Math.min(this.#validMs * renewalDeadline, maxRenewalMs),
      });
      if (ttl <= 0) return 'gone';
      // An answer that comes too late renews nothing here: the loss was, or ought to have been, told already.
      if (this.#leftMs <= 0) this.#expire();
      this.#since = since;
      this.#validMs = ttl * 1_000;
      this.#watchClock();
      return 'renewed';
    } catch (error) {
      return codeOf(error) === 'leaseLost' ? 'gone' : 'failed';
    }
  }

  #watchClock(): void {
    clearTimeout(this.#timer);
    if (this.#lost.signal.aborted) return;
    if (this.#leftMs <= 0) this.#expire();
    else this.#timer = setTimeout(() => this.#watchClock(), Math.min(this.#leftMs, maxTimerMs));
  }

  #expire(): void {
    if (this.#lost.signal.aborted) return;
    this.#drop('no server renewed the lease in time: it may have expired');
  }
}
