import { assert } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type Millis, millis } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

export interface HostOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** The clock may run fast or slow by up to this many parts in a million. */
  readonly maxDriftPpm: number;
  /** A turn of the event loop lasts at least this long: a busy process has more to do than to wait. */
  readonly minTurnMicros: number;
  /** A turn of the event loop lasts up to so much longer: what arrives meanwhile is stepped together. */
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
    const { maxDriftPpm, minTurnMicros, maxTurnMicros } = this.#options;
    return new SimulatedClock({
      host: this,
      scheduler: this.#scheduler,
      random: this.#random,
      offset: this.#random.below(1_000_000_000),
      driftPpm: this.#random.between(-maxDriftPpm, maxDriftPpm),
      minTurnMicros,
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
  readonly minTurnMicros: number;
  readonly maxTurnMicros: number;
}

/** A host's monotonic clock: of its own origin and rate, because no two machines agree about time. */
export class SimulatedClock implements Clock {
  readonly #options: SimulatedClockOptions;
  /** The clock showed `#shown` at `#anchor`, and has had one rate since. */
  #anchor: number;
  #shown: number;
  #rate: number;
  readonly #timers = new Set<SimulatedTimer>();
  #deferred: (() => void)[] = [];
  readonly #turn = (): void => this.#endTurn();

  constructor(options: SimulatedClockOptions) {
    this.#options = options;
    this.#anchor = options.scheduler.now;
    this.#shown = options.offset;
    this.#rate = million + options.driftPpm;
  }

  now(): Millis {
    const elapsed = this.#options.scheduler.now - this.#anchor;
    return millis(this.#shown + Math.floor((elapsed * this.#rate) / billion));
  }

  setTimer(at: Millis, callback: () => void): Timer {
    const timer: SimulatedTimer = {
      at,
      run: this.#options.host.guard(callback),
      scheduled: undefined,
      cancel: () => {
        timer.scheduled?.cancel();
        this.#timers.delete(timer);
      },
    };
    this.#timers.add(timer);
    this.#schedule(timer);
    return timer;
  }

  /** All at once it is later by `ms`, as after a machine was suspended. */
  jump(ms: number): void {
    this.#restart(ms, this.#rate);
  }

  /** From now on it runs fast or slow by so many parts in a million, on top of what it was made with. */
  skew(ppm: number): void {
    this.#restart(0, million + this.#options.driftPpm + ppm);
  }

  #restart(jump: number, rate: number): void {
    this.#shown = this.now() + jump;
    this.#anchor = this.#options.scheduler.now;
    this.#rate = rate;
    for (const timer of this.#timers) {
      timer.scheduled?.cancel();
      this.#schedule(timer);
    }
  }

  #schedule(timer: SimulatedTimer): void {
    const wanted = Math.max(0, timer.at - this.#shown);
    let elapsed = Math.ceil((wanted * billion) / this.#rate);
    // The division may round down: a timer that fires early would find its deadline still ahead.
    if (Math.floor((elapsed * this.#rate) / billion) < wanted) elapsed++;
    const { scheduler } = this.#options;
    timer.scheduled = scheduler.scheduleAt(Math.max(this.#anchor + elapsed, scheduler.now), () => {
      this.#timers.delete(timer);
      timer.run();
    });
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
    if (this.#deferred.length > 1) return;
    const { scheduler, random, host, minTurnMicros, maxTurnMicros } = this.#options;
    // Most turns are short; a long one lets the inputs of several messages be stepped together.
    const longer = random.chance(1, 4) ? random.below(maxTurnMicros + 1) : 0;
    scheduler.scheduleAt(scheduler.now + minTurnMicros + longer, host.guard(this.#turn));
  }

  #endTurn(): void {
    const callbacks = this.#deferred;
    this.#deferred = [];
    for (const callback of callbacks) callback();
  }
}

const million = 1_000_000;
const billion = 1_000_000_000;

interface SimulatedTimer extends Timer {
  readonly at: number;
  readonly run: () => void;
  scheduled: Scheduled | undefined;
}
