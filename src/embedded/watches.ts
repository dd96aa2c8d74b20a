import type { Watch, WatchQuery } from '../client/coordination.ts';
import { CoordinationError } from '../client/errors.ts';
import { pause } from '../client/pause.ts';
import { WatchEvent, WatchFeed } from '../client/watch-feed.ts';
import { Random } from '../core/random.ts';
import type { ReplicaHandle } from '../replica/index.ts';
import { nodeClock } from '../replica/node-clock.ts';
import { WatchHub } from '../replica/watches/hub.ts';
import type { WatchEvent as HubEvent, WatchSink } from '../replica/watches/watch.ts';
import type { WatchStream } from '../replica/watches/watch-stream.ts';
import { entryOf, machineRange } from './requests.ts';

/** Few ask for it here: an embedded watch has no connection over which to come back. */
const progressIntervalMs = 600_000;
const retryMs = 100;
/** How often it is looked whether the replica still runs: one that stops applies nothing that would tell. */
const lookMs = 500;

/** Watches of a replica in this process, each with its own room. */
export class Watches {
  readonly #hub: WatchHub;
  readonly #replica: ReplicaHandle;
  readonly #feeds = new Set<WatchFeed>();
  #looking: NodeJS.Timeout | undefined;

  constructor(replica: ReplicaHandle) {
    this.#replica = replica;
    this.#hub = new WatchHub({
      replica,
      clock: nodeClock,
      random: Random.fromSeed('embedded'),
      progressIntervalMs,
      // Whoever watches is told himself.
      onFault: () => {},
    });
  }

  watch(query: WatchQuery): Watch {
    const range = machineRange(query);
    const stop = new AbortController();
    let stream: WatchStream | undefined;
    const feed = new WatchFeed(
      {
        resume: () => stream?.writable(),
        close: () => {
          stop.abort();
          this.#feeds.delete(feed);
          if (this.#feeds.size === 0) this.#rest();
          // Not within the sink: a stream is not closed while it is being told something.
          queueMicrotask(() => stream?.close());
        },
      },
      query.signal,
    );
    this.#feeds.add(feed);
    this.#looking ??= setInterval(() => void this.#look(), lookMs).unref();
    const open = (): boolean => {
      stream = this.#hub.stream(sinkOf(feed));
      const added = stream.watch(0n, {
        range,
        start: query.fromRevision === undefined ? undefined : Number(query.fromRevision),
        puts: true,
        deletes: true,
        previous: query.previous ?? false,
        progress: query.progress ?? false,
      });
      if (added.type === 'watching') feed.opened((query.fromRevision ?? BigInt(added.revision) + 1n) - 1n);
      else stream.close();
      if (added.type === 'tooMany') {
        const message = `there are ${added.limit} watches, as many as there may be`;
        feed.fail(new CoordinationError('overloaded', 'refused', message));
      }
      return added.type === 'unavailable';
    };
    void untilRunning(open, stop.signal);
    return feed;
  }

  close(): void {
    for (const feed of [...this.#feeds]) feed.close();
    this.#hub.close();
  }

  /** A replica that was stopped, or has halted, never runs again: another process, or a new replica, has to. */
  async #look(): Promise<void> {
    if (this.#replica.peek() !== undefined) return;
    const outcome = await this.#replica.read('local');
    if (outcome.type !== 'refused' || outcome.reason !== 'stopping') return;
    const message = 'the replica in this process does not run any more';
    for (const feed of [...this.#feeds]) feed.fail(new CoordinationError('unavailable', 'refused', message));
  }

  #rest(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}

/** A replica that is still starting, or takes a snapshot, can be watched soon. */
async function untilRunning(open: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && open()) await pause(retryMs, signal);
}

function sinkOf(feed: WatchFeed): WatchSink {
  return {
    events(_watch, events) {
      let room = true;
      for (const group of byRevision(events)) room = feed.push(group);
      return room;
    },
    progress(_watch, revision) {
      feed.progress(BigInt(revision));
      return true;
    },
    compacted(_watch, revision) {
      const message = `revisions were compacted before they were seen; the oldest that is left is ${revision}`;
      feed.fail(new CoordinationError('compacted', 'refused', message, { revision: BigInt(revision) }));
      return true;
    },
    failed(cause) {
      const message = 'watching has failed in this process';
      feed.fail(new CoordinationError('failed', 'refused', message, { cause }));
    },
  };
}

function* byRevision(
  events: readonly HubEvent[],
): Generator<{ readonly revision: bigint; readonly events: readonly WatchEvent[] }> {
  let group: WatchEvent[] = [];
  for (const event of events) {
    const revision = BigInt(event.revision);
    const [first] = group;
    if (first !== undefined && first.revision !== revision) {
      yield { revision: first.revision, events: group };
      group = [];
    }
    group.push(eventOf(event, revision));
  }
  const [first] = group;
  if (first !== undefined) yield { revision: first.revision, events: group };
}

const eventOf = ({ type, pair, previous }: HubEvent, revision: bigint): WatchEvent =>
  new WatchEvent({
    type,
    key: pair.key,
    revision,
    entry: type === 'put' ? entryOf(pair) : undefined,
    previous: previous === undefined ? undefined : entryOf(previous),
  });
