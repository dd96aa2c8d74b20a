import { setTimeout as pause } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { Event_EventType } from '../../src/api/etcd/gen/mvccpb/kv.ts';
import { assert, present } from '../../src/core/assert.ts';
import type { GrpcClient } from '../../test/support/grpc-client.ts';
import { type Plain, plain } from './answers.ts';
import { bytesOf, type Names, textOf } from './names.ts';
import type { WatchStep } from './program.ts';
import { watchRequest } from './requests.ts';

/** How long a server may take for what it has to say; what has not been said then is a difference. */
const patienceMs = 30_000;

/** Asks again and again; false when it did not come to hold in time. */
export async function comesTrue(condition: () => boolean): Promise<boolean> {
  for (const end = performance.now() + patienceMs; !condition(); await pause(2))
    if (performance.now() > end) return false;
  return true;
}

export interface Told {
  readonly revision: bigint;
  readonly deleted: boolean;
  readonly key: Uint8Array;
  readonly text: Plain;
}

/** One watch as the client sees it. */
interface Watched {
  readonly step: WatchStep;
  readonly id: bigint;
  /** The first revision that it is told of. */
  readonly since: bigint;
  /** What had been compacted when it was created. */
  readonly compacted: bigint;
  readonly told: Told[];
  readonly wrong: string[];
  ended: Plain;
}

/** Its id is none that a program chooses. */
const passing: WatchStep = {
  type: 'watch',
  stream: 0,
  key: 'b',
  end: '',
  start: 0,
  prevKv: false,
  filters: [],
  fragment: false,
  progressNotify: false,
  watchId: 1_000_000,
};

interface Creating {
  readonly step: WatchStep;
  readonly compacted: bigint;
  answer?: pb.WatchResponse;
}

/** What was said on one stream. */
export interface StreamTranscript {
  readonly watches: readonly Plain[];
  readonly progress: Plain;
  readonly unasked: Plain;
  readonly endings: Plain;
  readonly failure: Plain;
}

/** A stream of watches, with everything that was said on it in symbols. */
export class WatchedStream {
  readonly #call: ClientDuplexStream<pb.WatchRequest, pb.WatchResponse>;
  readonly #names: Names;
  readonly #watches: Watched[] = [];
  readonly #progress: Plain[] = [];
  /** Progress that was told where nothing can be promised: there is no watch, or one that has not begun. */
  readonly #unasked: Plain[] = [];
  #silenceIsDue = false;
  /** Ends of watches that had ended before. */
  readonly #endings: Plain[] = [];
  #creating: Creating | undefined;
  #failure: Plain = null;

  constructor(client: GrpcClient, names: Names) {
    this.#names = names;
    this.#call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse);
    this.#call.on('data', (response: pb.WatchResponse) => this.#hear(response));
    this.#call.on('error', (error: Error) => {
      this.#failure = error.message;
    });
  }

  /** Everything that the watch with this id was told. */
  told(id: bigint): readonly Told[] {
    return this.#live(id)?.told ?? [];
  }

  async create(step: WatchStep, compacted: bigint): Promise<Plain> {
    assert(this.#creating === undefined, 'watches are created one after the other');
    const creating: Creating = { step, compacted };
    this.#creating = creating;
    this.#ask({ $case: 'createRequest', value: watchRequest(step, this.#names) });
    await comesTrue(() => creating.answer !== undefined || this.#failure !== null);
    this.#creating = undefined;
    return plain(creating.answer ?? this.#failure, this.#names);
  }

  async cancel(id: bigint): Promise<Plain> {
    const watch = this.#live(id);
    this.#ask({ $case: 'cancelRequest', value: { watchId: id } });
    // Nothing is said about ids that are not in use.
    if (watch === undefined) return 'nothing to wait for';
    await comesTrue(() => watch.ended !== null || this.#failure !== null);
    return watch.ended;
  }

  /** `revision` is the present one. */
  async progress(revision: bigint): Promise<Plain> {
    const before = this.#progress.length;
    const live = this.#watches.filter(({ ended }) => ended === null);
    const future = live.some(({ step, since }) => step.start !== 0 && since > revision);
    this.#silenceIsDue = live.length === 0 || future;
    this.#ask({ $case: 'progressRequest', value: {} });
    if (this.#silenceIsDue) return this.#pass();
    await comesTrue(() => this.#progress.length > before || this.#failure !== null);
    return this.#progress[before] ?? null;
  }

  /** Until every watch has been told its part of the history, or that it has ended. */
  async settle(history: readonly Told[]): Promise<void> {
    for (const watch of this.#watches) {
      const last = expected(watch, history).at(-1)?.revision ?? 0n;
      const everything = (): boolean =>
        watch.since >= watch.compacted && (watch.told.at(-1)?.revision ?? 0n) >= last;
      await comesTrue(() => watch.ended !== null || this.#failure !== null || everything());
    }
  }

  /** What each watch was told, and what of it breaks the promises of watches. */
  transcript(history: readonly Told[]): StreamTranscript {
    return {
      watches: this.#watches.map((watch) => ({
        id: `${watch.id}`,
        told: watch.told.map(({ text }) => text),
        ended: watch.ended,
        wrong: [...watch.wrong, ...brokenPromises(watch, history)],
      })),
      progress: this.#progress,
      unasked: this.#unasked,
      endings: this.#endings,
      failure: this.#failure,
    };
  }

  close(): void {
    this.#call.cancel();
  }

  /** Whatever was asked before has been answered, if it is: a watch comes and goes. */
  async #pass(): Promise<Plain> {
    await this.create(passing, 0n);
    await this.cancel(BigInt(passing.watchId));
    this.#watches.pop();
    return 'nothing to wait for';
  }

  #ask(requestUnion: pb.WatchRequest['requestUnion']): void {
    this.#call.write({ requestUnion });
  }

  #live(id: bigint): Watched | undefined {
    return this.#watches.find((watch) => watch.id === id && watch.ended === null);
  }

  #hear(response: pb.WatchResponse): void {
    const { watchId, created, canceled, events } = response;
    if (created) return this.#created(response);
    const watch = this.#live(watchId);
    if (watch === undefined && canceled) {
      this.#endings.push(plain(response, this.#names));
      return;
    }
    if (watch === undefined || (events.length === 0 && !canceled)) {
      const said = plain({ ...response, events: events.length }, this.#names);
      (this.#silenceIsDue ? this.#unasked : this.#progress).push(said);
      return;
    }
    if (events.length > 0) this.#events(watch, response);
    if (canceled) {
      const { header, compactRevision, cancelReason } = response;
      watch.ended = plain({ header, compactRevision, cancelReason }, this.#names);
    }
  }

  #created(response: pb.WatchResponse): void {
    const creating = present(this.#creating, 'a watch was created that nobody asked for');
    creating.answer = response;
    if (response.canceled) return;
    const start = this.#names.revision(creating.step.start);
    this.#watches.push({
      ...creating,
      id: response.watchId,
      since: start === 0n ? (response.header?.revision ?? 0n) + 1n : start,
      told: [],
      wrong: [],
      ended: null,
    });
  }

  #events(watch: Watched, { events, fragment }: pb.WatchResponse): void {
    const before = watch.told.at(-1)?.revision ?? 0n;
    for (const event of events) {
      const { kv, prevKv, type } = event;
      if (kv === undefined) throw new Error('an event without a pair');
      if (watch.told.length > 0 && kv.modRevision === before && !fragment && !watch.step.fragment)
        watch.wrong.push(`revision ${this.#names.revisionText(before)} was told in parts`);
      watch.told.push({
        revision: kv.modRevision,
        deleted: type === Event_EventType.DELETE,
        key: kv.key,
        text: plain({ type, kv, prevKv }, this.#names),
      });
    }
  }
}

/** The part of the history that a watch is told. */
function expected({ step, since }: Watched, history: readonly Told[]): readonly Told[] {
  const from = step.key === '' ? '\0' : step.key;
  return history.filter(
    ({ revision, key, deleted }) =>
      revision >= since && !step.filters.includes(deleted ? 1 : 0) && isIn(textOf(key), from, step.end),
  );
}

function isIn(key: string, from: string, end: string): boolean {
  if (end === '') return key === from;
  return Buffer.compare(bytesOf(key), bytesOf(from)) >= 0 && (end === '\0' || key < end);
}

/** Ordered, unique and reliable: everything in its range, once, in the order of the history. */
function brokenPromises(watch: Watched, history: readonly Told[]): string[] {
  const identity = ({ revision, key, deleted }: Told): string => `${revision} ${deleted} ${textOf(key)}`;
  const told = watch.told.map(identity);
  const all = expected(watch, history).map(identity);
  const due = watch.ended === null ? all : all.slice(0, told.length);
  return told.join('\n') === due.join('\n') ? [] : ['it is not its part of the history'];
}
