import type { WatchCreateRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { Event as WireEvent } from '../../api/etcd/gen/mvccpb/kv.ts';
import type { Change, WatchQuery } from '../coordination.ts';
import { CoordinationError, type ErrorCode } from '../errors.ts';
import { WatchEvent, WatchFeed } from '../watch-feed.ts';
import { codeForText } from './failures.ts';
import { entryOf, wireRange } from './requests.ts';

export interface WatcherHost {
  /** The reader can take more, or the server has ended the watch: attach it again. */
  resume(): void;
  /** The reader cannot take more: the server shall keep the rest. */
  park(): void;
  close(): void;
  /** False when there is no user whose token could be asked for again. */
  renewIdentity(): boolean;
  restart(): void;
}

/** What Go's gRPC puts before a text that is meant to be read by a program. */
const rpcPrefix = /^rpc error: code = \w+ desc = /;

/** Reasons for which a server ends a watch that another server, or a later try, may take. */
const passing = /no leader|leader changed|server stopped|timed out|^$/;
/** Our servers' reason to end a watch that is behind, for others to go on: it may begin again where it was. */
const behind = /too many requests: events were not read/;

/** One watch, over all the streams that it lives on: what it wants, and how far it has come. */
export class Watcher {
  readonly feed: WatchFeed;
  readonly #host: WatcherHost;
  readonly #range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };
  readonly #previous: boolean;
  readonly #progress: boolean;
  /** The first revision that was not handed to the feed; 0 as long as that is whatever comes first. */
  #next: bigint;
  #parked = false;
  #triedNewToken = false;

  constructor(query: WatchQuery, host: WatcherHost) {
    this.#host = host;
    this.#range = wireRange(query);
    this.#previous = query.previous ?? false;
    this.#progress = query.progress ?? false;
    this.#next = query.fromRevision ?? 0n;
    this.feed = new WatchFeed(
      {
        resume: () => {
          this.#parked = false;
          host.resume();
        },
        close: () => host.close(),
      },
      query.signal,
    );
  }

  get parked(): boolean {
    return this.#parked || this.feed.ended;
  }

  createRequest(): WatchCreateRequest {
    return {
      ...this.#range,
      startRevision: this.#next,
      progressNotify: true,
      filters: [],
      prevKv: this.#previous,
      watchId: 0n,
      fragment: true,
    };
  }

  created(revision: bigint): void {
    this.#triedNewToken = false;
    if (this.#next === 0n) this.#next = revision + 1n;
    this.feed.opened(this.#next - 1n);
  }

  /** All events of one revision. False: no more now. */
  push(revision: bigint, events: readonly WireEvent[]): boolean {
    // What a server repeats, or gives although it was not asked for, was seen before.
    if (revision < this.#next) return true;
    this.#next = revision + 1n;
    const change: Change = { revision, events: events.map(eventOf) };
    if (this.feed.push(change)) return true;
    this.#parked = true;
    this.#host.park();
    return false;
  }

  /** Up to this revision there is nothing that was not pushed. */
  progressed(revision: bigint): void {
    if (this.#next === 0n) return;
    if (revision >= this.#next) this.#next = revision + 1n;
    if (this.#progress) this.feed.progress(this.#next - 1n);
  }

  /** The server ended the watch. */
  canceled(cancelReason: string, compactRevision: bigint): void {
    const reason = cancelReason.replace(rpcPrefix, '');
    const code = codeForText(reason);
    if (compactRevision > 0n || code === 'compacted') {
      const message = `revision ${this.#next} was compacted before it was seen; the oldest that is left is ${compactRevision}`;
      this.feed.fail(new CoordinationError('compacted', 'refused', message, { revision: compactRevision }));
    } else if (behind.test(reason)) {
      this.#host.resume();
    } else if (passing.test(reason)) {
      this.#host.restart();
    } else if (isAboutUsers(code) && !this.#triedNewToken && this.#host.renewIdentity()) {
      // A stream keeps the token that it was opened with, and that may have expired.
      this.#triedNewToken = true;
      this.#host.restart();
    } else {
      this.feed.fail(
        new CoordinationError(code ?? 'invalid', 'refused', `the server ended the watch: ${reason}`),
      );
    }
  }
}

const isAboutUsers = (code: ErrorCode | undefined): boolean =>
  code === 'unauthenticated' || code === 'permissionDenied';

function eventOf({ type, kv, prevKv }: WireEvent): WatchEvent {
  const key = kv?.key ?? new Uint8Array(0);
  const deleted = type === 1;
  return new WatchEvent({
    type: deleted ? 'delete' : 'put',
    key,
    revision: kv?.modRevision ?? 0n,
    entry: deleted || kv === undefined ? undefined : entryOf(kv),
    previous: prevKv === undefined ? undefined : entryOf(prevKv),
  });
}
