import { utf8 } from '../core/bytes.ts';
import { Malformed } from '../core/codec.ts';
import type { Random } from '../core/random.ts';
import { decodeAnswer, encodeCommand, type KeyAnswer, type KeyCommand, putOf } from '../machine/index.ts';
import type { Chronicle } from './chronicle.ts';
import { maxSkewPpm, type WorldOptions } from './options.ts';
import type { Scheduler } from './scheduler.ts';
import type { Report } from './violation.ts';
import type { Service } from './workload.ts';

interface LeaseClientsContext {
  readonly world: WorldOptions;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly services: readonly Service[];
  readonly chronicle: Chronicle;
  readonly report: Report;
}

interface Held {
  readonly lease: bigint;
  readonly ttlMs: number;
  /** When the client asked for the last grant or renewal that it knows to have happened, in microseconds. */
  renewedAt: number;
}

/** What is said of time is in milliseconds of the host's clock, and clocks may be fast. */
const timeoutMs = 1_000;
const restMs = 3_000;

/**
 * Clients that hold a key by a lease, renew it for a while and then let it go. The key must not go before its time, counted
 * from when the client last asked for more, as clocks may run; and it must go.
 */
export class LeaseClients {
  readonly #context: LeaseClientsContext;
  readonly #held = new Map<string, Held>();
  #leases = 0;
  #stopping = false;

  constructor(context: LeaseClientsContext) {
    this.#context = context;
    context.chronicle.onEvent(({ type, key, at }) => {
      if (type === 'delete') this.#ended(key, at);
    });
  }

  start(): void {
    for (let client = 0; client < this.#context.world.leases; client++) this.#rest(client);
  }

  /** Nobody renews any more. */
  stop(): void {
    this.#stopping = true;
  }

  /** No key is held by a lease. */
  get allGone(): boolean {
    return [...this.#context.chronicle.present.keys()].every((key) => !key.startsWith('lease-'));
  }

  #rest(client: number): void {
    const { scheduler, random } = this.#context;
    scheduler.schedule(random.below(restMs), () => {
      if (!this.#stopping) this.#begin(client);
    });
  }

  #begin(client: number): void {
    const { random, scheduler } = this.#context;
    const lease = BigInt(client + 1) * 1_000_000n + BigInt(++this.#leases);
    const ttl = random.between(1, 3);
    const held: Held = { lease, ttlMs: 1000 * ttl, renewedAt: scheduler.now };
    this.#order({ type: 'grant', lease, ttl }, (answer) => {
      if (answer?.result.type !== 'grant') return this.#rest(client);
      const key = `lease-${client}-${lease}`;
      this.#held.set(key, held);
      this.#order(putOf(utf8(key), utf8(`by ${lease}`), { lease }), () => this.#renew(client, held));
    });
  }

  #renew(client: number, held: Held): void {
    const { random, scheduler } = this.#context;
    if (this.#stopping || random.chance(1, 6)) return this.#rest(client);
    scheduler.schedule(random.between(1, held.ttlMs / 2), () => {
      const asked = scheduler.now;
      this.#order({ type: 'renew', leases: [held.lease] }, (answer) => {
        const result = answer?.result;
        if (result?.type === 'renew' && (result.ttls[0] ?? 0) > 0) held.renewedAt = asked;
        this.#renew(client, held);
      });
    });
  }

  #order(command: KeyCommand, settle: (answer: KeyAnswer | undefined) => void): void {
    const { random, services, scheduler } = this.#context;
    const service = random.pick(services);
    let settled = false;
    const once = (answer: KeyAnswer | undefined): void => {
      if (settled) return;
      settled = true;
      givesUp.cancel();
      settle(answer);
    };
    const givesUp = scheduler.schedule(1.5 * timeoutMs, () => once(undefined));
    service.propose(encodeCommand(command), timeoutMs, (outcome) => {
      const answer = outcome.type === 'done' ? decodeAnswer(outcome.result) : undefined;
      scheduler.schedule(random.between(50, 1_000) / 1000, () =>
        once(answer instanceof Malformed ? undefined : answer),
      );
    });
  }

  #ended(key: string, at: number): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    const livedMs = (at - held.renewedAt) / 1000;
    if (livedMs >= held.ttlMs * (1 - this.#fastest)) return;
    const detail = `${key} was held for ${held.ttlMs} ms and went ${livedMs.toFixed(0)} ms after it was renewed`;
    this.#context.report({ type: 'wrong', property: 'leases never end early', detail });
  }

  /** By how much of itself a clock of this world may be fast; a jump of a clock is as fast as can be. */
  get #fastest(): number {
    const { faults, maxDriftPpm } = this.#context.world;
    if (faults.includes('clockJump')) return 1;
    return (maxDriftPpm + (faults.includes('clockRate') ? maxSkewPpm : 0)) / 1_000_000 + 0.01;
  }
}
