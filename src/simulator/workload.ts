import { type CallId, History, type KeyValueInput, type KeyValueOutput } from '../check/index.ts';
import type { Random } from '../core/random.ts';
import type { Outcome, ReadOutcome } from '../replica/types.ts';
import type { Chronicle } from './chronicle.ts';
import { type Answer, decodeWriteAnswer, encodeWrite, readAnswer } from './key-value-calls.ts';
import type { WorkloadOptions } from './options.ts';
import type { PropertyName } from './property-list.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Report } from './violation.ts';

/** A replica as clients reach it. An outcome may never come: then the client gives up by its own clock. */
export interface Service {
  readonly name: string;
  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void;
  read(timeoutMs: number, settle: (outcome: ReadOutcome) => void): void;
}

/** Beside a thought, which may take no time: who was refused would be refused again at once. */
const backOffMs = 20;

interface WorkloadContext {
  readonly options: WorkloadOptions;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly services: readonly Service[];
  readonly chronicle: Chronicle;
  readonly report: Report;
}

/** A write that a client was told is done. */
export interface AcknowledgedWrite {
  readonly key: string;
  /** Undefined for a delete. */
  readonly value: string | undefined;
  readonly revision: number;
}

export interface WorkloadCounts {
  done: number;
  refused: number;
  unknown: number;
}

/**
 * Clients that read and write a few keys through any replica, and a record of what they were told. Beside the history
 * for the checker stand two cheap promises that need no search: revisions never go back, and each write has its own.
 */
export class Workload {
  readonly history = new History<KeyValueInput, KeyValueOutput>();
  readonly acknowledged: AcknowledgedWrite[] = [];
  readonly counts: WorkloadCounts = { done: 0, refused: 0, unknown: 0 };
  readonly #context: WorkloadContext;
  readonly #writers = new Map<number, KeyValueInput>();
  #highestRevision = 0;
  #calls = 0;
  #values = 0;
  #stopping = false;
  #idle = 0;

  constructor(context: WorkloadContext) {
    this.#context = context;
  }

  start(): void {
    for (let client = 0; client < this.#context.options.clients; client++) this.#think(client, undefined, 0);
  }

  /** Clients finish what they have begun. */
  stop(): void {
    this.#stopping = true;
  }

  get idle(): boolean {
    return this.#idle === this.#context.options.clients;
  }

  /** Puts a value of its own through `service`; false when that is not certain to have happened. */
  probe(service: Service, settle: (done: boolean) => void): void {
    const input: KeyValueInput = { type: 'put', key: `probe-${service.name}`, value: this.#newValue() };
    this.#call(-1, input, service, (answer) => settle(answer !== undefined));
  }

  #think(client: number, seen: string | undefined, pauseMs: number): void {
    if (this.#stopping) {
      this.#idle++;
      return;
    }
    const { scheduler, random, options } = this.#context;
    scheduler.schedule(pauseMs + random.below(options.maxThinkMs * 1000 + 1) / 1000, () => {
      const input = this.#draw(seen);
      const service = random.pick(this.#context.services);
      this.#call(client, input, service, (answer) => {
        const output = answer?.output;
        this.#think(
          client,
          output === undefined || output.type === 'written' ? seen : (output.value ?? seen),
          output === undefined ? backOffMs : 0,
        );
      });
    });
  }

  #draw(seen: string | undefined): KeyValueInput {
    const { random, options } = this.#context;
    const { get, put, delete: remove, compareAndSet } = options.mix;
    const era = Math.floor(this.#calls++ / (options.keys * options.operationsPerKey));
    const key = `key-${era}-${random.below(options.keys)}`;
    const ticket = random.below(get + put + remove + compareAndSet);
    if (ticket < get) return { type: 'get', key };
    if (ticket < get + put) return { type: 'put', key, value: this.#newValue() };
    if (ticket < get + put + remove) return { type: 'delete', key };
    return { type: 'compareAndSet', key, expected: seen ?? 'nothing', value: this.#newValue() };
  }

  /** Each value is written once, so that a value read tells which write it is of. */
  #newValue(): string {
    const { random, options } = this.#context;
    const value = `v${++this.#values}`;
    return random.chance(1, 8) ? value.padEnd(random.between(1, options.maxValueBytes), '.') : value;
  }

  #call(
    client: number,
    input: KeyValueInput,
    service: Service,
    finish: (answer: Answer | undefined) => void,
  ): void {
    const { scheduler, options } = this.#context;
    const id = this.history.call(client, input);
    const floor = this.#highestRevision;
    let settled = false;
    const once = (settle: () => Answer | undefined): void => {
      if (settled) return;
      settled = true;
      givesUp.cancel();
      finish(settle());
    };
    const givesUp = scheduler.schedule(1.5 * options.timeoutMs, () => once(() => this.#unknown(input)));
    const answered = (answer: Answer): void => {
      scheduler.schedule(this.#travel(), () => once(() => this.#done(id, input, answer, floor)));
    };
    const notAnswered = (type: 'refused' | 'unknown'): void => {
      scheduler.schedule(this.#travel(), () =>
        once(() => (type === 'refused' ? this.#refused(id, input) : this.#unknown(input))),
      );
    };
    scheduler.schedule(this.#travel(), () => {
      if (input.type === 'get') {
        service.read(options.timeoutMs, (outcome) => {
          if (outcome.type === 'readable') answered(readAnswer(outcome.store, input.key));
          else notAnswered('refused');
        });
      } else {
        service.propose(encodeWrite(input), options.timeoutMs, (outcome) => {
          if (outcome.type === 'done') answered(decodeWriteAnswer(input, outcome.result));
          else notAnswered(outcome.type);
        });
      }
    });
  }

  #done(id: CallId, input: KeyValueInput, answer: Answer, floor: number): Answer {
    const { trace, scheduler } = this.#context;
    const { output, revision, wrote } = answer;
    trace.event(scheduler.now, 'done', input.key, () => `${JSON.stringify(input)} ${JSON.stringify(answer)}`);
    trace.number(revision);
    this.counts.done++;
    this.history.done(id, output);
    if (revision < floor + (wrote ? 1 : 0)) {
      this.#wrong(
        'revisions never go back',
        `${JSON.stringify(input)} answered ${revision} after ${floor} was seen`,
      );
    }
    this.#highestRevision = Math.max(this.#highestRevision, revision);
    if (!wrote) return answer;
    const other = this.#writers.get(revision);
    if (other !== undefined) {
      const both = `${JSON.stringify(other)} and ${JSON.stringify(input)}`;
      this.#wrong('one write per revision', `${revision}: ${both}`);
    }
    this.#writers.set(revision, input);
    const value = input.type === 'put' || input.type === 'compareAndSet' ? input.value : undefined;
    this.acknowledged.push({ key: input.key, value, revision });
    return answer;
  }

  #refused(id: CallId, input: KeyValueInput): undefined {
    this.counts.refused++;
    this.history.refused(id);
    if (input.type === 'put' || input.type === 'compareAndSet') this.#context.chronicle.refused(input.value);
  }

  /** The call stays open in the history: it may have happened, or may still happen. */
  #unknown(input: KeyValueInput): undefined {
    this.counts.unknown++;
    const { trace, scheduler } = this.#context;
    trace.event(scheduler.now, 'unknown', input.key);
  }

  #wrong(property: PropertyName, detail: string): void {
    this.#context.report({ type: 'wrong', property, detail });
  }

  /** Between a client and a replica, in milliseconds. */
  #travel(): number {
    return this.#context.random.between(50, 1_000) / 1000;
  }
}
