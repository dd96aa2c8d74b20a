import { assert } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type Millis, millis } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Scheduler } from './scheduler.ts';

export interface HostOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** The clock may run fast or slow by up to this many parts in a million. */
  readonly maxDriftPpm: number;
  /** A turn of the event loop lasts up to this long: what arrives meanwhile is stepped together. */
  readonly maxTurnMicros: number;
}

/** What a process on this host has to do next is lost with the process, but waits while the process is stopped. */
export type HostState = 'up' | 'paused' | 'down';

/**
 * A machine with one process and one clock. Everything that reaches the process (time, network, disk) passes through
 * `guard`, which ties it to the present life of the process.
 */
export class Host {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #options: HostOptions;
  #life = 0;
  #state: HostState = 'down';
  #waiting: (() => void)[] = [];
  #clock: SimulatedClock;

  constructor(options: HostOptions) {
    this.name = options.name;
    this.#options = options;
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#clock = this.#newClock();
  }

  get state(): HostState {
    return this.#state;
  }

  /** Counts the starts of the process. */
  get life(): number {
    return this.#life;
  }

  get clock(): SimulatedClock {
    return this.#clock;
  }

  start(): void {
    assert(this.#state === 'down', `${this.name} is running already`);
    this.#life++;
    this.#state = 'up';
    this.#clock = this.#newClock();
  }

  /** The process is gone at once; nothing it waited for reaches it any more. */
  kill(): void {
    assert(this.#state !== 'down', `${this.name} is not running`);
    this.#state = 'down';
    this.#waiting = [];
  }

  /** As SIGSTOP: time goes on, and everything that arrives waits. */
  pause(): void {
    assert(this.#state === 'up', `${this.name} is not running`);
    this.#state = 'paused';
  }

  resume(): void {
    assert(this.#state === 'paused', `${this.name} is not paused`);
    this.#state = 'up';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const guarded of waiting) this.#scheduler.schedule(0, guarded);
  }

  /** `callback` as the present process will see it: never after its death, later when it is stopped. */
  guard(callback: () => void): () => void {
    const life = this.#life;
    const guarded = (): void => {
      if (this.#life !== life || this.#state === 'down') return;
      if (this.#state === 'paused') this.#waiting.push(guarded);
      else callback();
    };
    return guarded;
  }

  #newClock(): SimulatedClock {
    const { maxDriftPpm, maxTurnMicros } = this.#options;
    return new SimulatedClock({
      host: this,
      scheduler: this.#scheduler,
      random: this.#random,
      offset: this.#random.below(1_000_000_000),
      driftPpm: this.#random.between(-maxDriftPpm, maxDriftPpm),
      maxTurnMicros,
    });
  }
}

interface SimulatedClockOptions {
  readonly host: Host;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** What the clock shows at its start, in milliseconds. */
  readonly offset: number;
  readonly driftPpm: number;
  readonly maxTurnMicros: number;
}

/** A host's monotonic clock: of its own origin and rate, because no two machines agree about time. */
export class SimulatedClock implements Clock {
  readonly #options: SimulatedClockOptions;
  readonly #began: number;
  readonly #rate: number;
  #deferred: (() => void)[] = [];

  constructor(options: SimulatedClockOptions) {
    this.#options = options;
    this.#began = options.scheduler.now;
    this.#rate = 1_000_000 + options.driftPpm;
  }

  now(): Millis {
    const elapsed = this.#options.scheduler.now - this.#began;
    return millis(this.#options.offset + Math.floor((elapsed * this.#rate) / 1_000_000_000));
  }

  setTimer(at: Millis, callback: () => void): Timer {
    const wanted = Math.max(0, at - this.#options.offset);
    let elapsed = Math.ceil((wanted * 1_000_000_000) / this.#rate);
    // The division may round down: a timer that fires early would find its deadline still ahead.
    if (Math.floor((elapsed * this.#rate) / 1_000_000_000) < wanted) elapsed++;
    const { scheduler, host } = this.#options;
    return scheduler.scheduleAt(Math.max(this.#began + elapsed, scheduler.now), host.guard(callback));
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
    if (this.#deferred.length > 1) return;
    const { scheduler, random, host, maxTurnMicros } = this.#options;
    // Most turns are short; a long one lets the inputs of several messages be stepped together.
    const micros = random.chance(1, 4) ? random.below(maxTurnMicros + 1) : 0;
    scheduler.scheduleAt(
      scheduler.now + micros,
      host.guard(() => this.#endTurn()),
    );
  }

  #endTurn(): void {
    const callbacks = this.#deferred;
    this.#deferred = [];
    for (const callback of callbacks) callback();
  }
}
