import { assertNever } from '../../core/assert.ts';
import { type Epoch, epoch } from '../../core/ids.ts';
import { currentRevision, type KeyRange, machineView } from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import type { WatchHub } from '../../replica/watches/hub.ts';
import type { Watch, WatchEvent, WatchSink } from '../../replica/watches/watch.ts';
import type { Added, WatchStream } from '../../replica/watches/watch-stream.ts';
import { maxWatchMessageBytes } from '../limits.ts';
import { type BidiReceiver, type BidiStream, type Call, Code, Failure, internalError } from '../rpc/rpc.ts';
import type { SendBudget, SendShare } from '../send-budget.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { decodeMessage } from './method.ts';
import { keyRange } from './requests.ts';
import { requireLeader } from './require-leader.ts';
import type { WatchEncoder } from './watch-encoder.ts';

export interface WatchCallOptions {
  readonly replica: ReplicaHandle;
  readonly headers: ResponseHeaders;
  readonly hub: WatchHub;
  readonly budget: SendBudget;
  readonly encoder: WatchEncoder;
  readonly authorize: (range: KeyRange, call: Call) => Failure | undefined;
}

/** In answers about no watch, or about all of them. */
const noWatchId = -1n;

/** Texts by which clients know why a watch was not created. */
const reasons = {
  duplicate: 'mvcc: duplicate watch ID provided on the WatchStream',
  emptyRange: 'mvcc: watcher range is empty',
  compacted: etcdErrors.compacted.message,
} as const;

const firstKey = Uint8Array.of(0);

const unread = new Failure(
  Code.resourceExhausted,
  'etcdserver: too many requests: events were not read for too long while others waited; watch again from the last revision read',
);

const tooLarge = new Failure(
  Code.resourceExhausted,
  'grpc: a revision is too large for one message: watch again with fragment, from the last revision read',
);

/** One stream of watches. Answers and events go out in the order in which things happened. */
export class WatchCall implements BidiReceiver, WatchSink {
  readonly #options: WatchCallOptions;
  readonly #call: BidiStream;
  readonly #watches: WatchStream;
  readonly #releaseLeader: () => void;
  /** Watches whose client takes a revision in parts. */
  readonly #fragmented = new Set<bigint>();
  readonly #share: SendShare;
  #nextId = 0n;
  #held = 0;
  #epoch: Epoch = epoch(0);
  readonly #releaseEpoch: () => void;
  #header: pb.ResponseHeader | undefined;

  constructor(options: WatchCallOptions, call: BidiStream) {
    this.#options = options;
    this.#call = call;
    this.#share = options.budget.share(() => this.end(unread));
    this.#watches = options.hub.stream(this);
    const look = (): void => {
      this.#epoch = options.replica.status().epoch;
      this.#header = undefined;
    };
    look();
    this.#releaseEpoch = options.replica.onLeadership(look);
    this.#releaseLeader = requireLeader(options.replica, call);
  }

  message(bytes: Uint8Array): void {
    const message = decodeMessage(pb.WatchRequest, bytes);
    if (message instanceof Failure) return this.end(message);
    const { requestUnion: request } = message;
    switch (request?.$case) {
      case 'createRequest':
        return this.#create(request.value);
      case 'cancelRequest':
        return this.#cancel(request.value.watchId);
      case 'progressRequest':
        return this.#watches.requestProgress();
      case undefined:
        return; // of a client that knows more than we do
      default:
        assertNever(request);
    }
  }

  /** The client creates no more watches, and goes on listening to those that it has. */
  ended(): void {}

  writable(): void {
    this.#release();
    this.#resume();
  }

  closed(): void {
    this.#share.close();
    this.#releaseLeader();
    this.#releaseEpoch();
    this.#watches.close();
  }

  end(failure: Failure): void {
    this.#call.end(failure);
  }

  events(watch: Watch, events: readonly WatchEvent[], through: number): boolean {
    const { encoder } = this.#options;
    const header = this.#headerAt(BigInt(through));
    const bodies = encoder.bodies(events, watch.previous);
    if (!this.#fragmented.has(watch.id)) {
      const bytes = bodies.reduce((sum, { length }) => sum + length, 0);
      if (bytes <= maxWatchMessageBytes)
        return this.#send(encoder.head(header, watch.id, false), ...bodies.flatMap(({ parts }) => parts));
      this.end(tooLarge);
      return false;
    }
    let room = true;
    for (const [at, body] of bodies.entries())
      room = this.#send(encoder.head(header, watch.id, at + 1 < bodies.length), ...body.parts);
    return room;
  }

  progress(watch: Watch | undefined, through: number): boolean {
    return this.#respond(through, { watchId: watch?.id ?? noWatchId });
  }

  compacted(watch: Watch, revision: number): boolean {
    this.#fragmented.delete(watch.id);
    const compactRevision = BigInt(revision);
    // Without a revision in the header, as in etcd: this watch has not been told everything through any.
    return this.#respond(0, { watchId: watch.id, canceled: true, compactRevision });
  }

  failed(): void {
    this.end(internalError);
  }

  #create(request: pb.WatchCreateRequest): void {
    const range = keyRange(request.key.length === 0 ? firstKey : request.key, request.rangeEnd);
    if (range.to !== undefined && Buffer.compare(range.from, range.to) >= 0)
      return this.#refuse(reasons.emptyRange);
    const denial = this.#options.authorize(range, this.#call);
    if (denial !== undefined) return this.#refuse(statusText(denial));
    if (request.startRevision < 0n) return this.#refuse(reasons.compacted);
    const id = this.#idFor(request.watchId);
    const added = this.#watches.watch(id, {
      range,
      start: request.startRevision === 0n ? undefined : Number(request.startRevision),
      puts: !request.filters.includes(pb.WatchCreateRequest_FilterType.NOPUT),
      deletes: !request.filters.includes(pb.WatchCreateRequest_FilterType.NODELETE),
      previous: request.prevKv,
      progress: request.progressNotify,
    });
    if (added.type !== 'watching') return this.#refuse(refusal(added));
    if (request.fragment) this.#fragmented.add(id);
    this.#watches.said(this.#respond(added.revision, { watchId: id, created: true }));
  }

  #idFor(chosen: bigint): bigint {
    if (chosen !== 0n) return chosen;
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #refuse(cancelReason: string): void {
    const refused = { watchId: noWatchId, created: true, canceled: true, cancelReason };
    this.#watches.said(this.#respond(this.#revision(), refused));
  }

  #cancel(id: bigint): void {
    if (!this.#watches.cancel(id)) return;
    this.#fragmented.delete(id);
    this.#watches.said(this.#respond(this.#revision(), { watchId: id, canceled: true }));
  }

  #respond(revision: number, fields: Partial<pb.WatchResponse>): boolean {
    const header = this.#headerAt(BigInt(revision));
    return this.#send(pb.WatchResponse.encode({ ...emptyResponse, header, ...fields }).finish());
  }

  /** False when there is no room for more, here or in the memory that all streams share. */
  #send(...parts: readonly Uint8Array[]): boolean {
    const { budget } = this.#options;
    const room = this.#call.send(...parts);
    if (!room) {
      const bytes = this.#call.queuedBytes - this.#held;
      this.#held += bytes;
      this.#share.hold(bytes);
    } else if (budget.exhausted) {
      this.#share.whenRoom(() => this.#resume());
    }
    this.#pace(room);
    return room && !budget.exhausted;
  }

  /** Who does not read our answers is not asked for more requests. */
  #pace(room: boolean): void {
    if (!room) this.#call.pause();
  }

  #resume(): void {
    this.#call.resume();
    this.#watches.writable();
  }

  #release(): void {
    this.#share.release();
    this.#held = 0;
  }

  #revision(): number {
    const store = this.#options.replica.peek();
    return store === undefined ? 0 : Number(currentRevision(machineView(store)));
  }

  #headerAt(revision: bigint): pb.ResponseHeader {
    if (this.#header?.revision !== revision)
      this.#header = this.#options.headers.header(revision, this.#epoch);
    return this.#header;
  }
}

const emptyResponse: pb.WatchResponse = {
  header: undefined,
  watchId: 0n,
  created: false,
  canceled: false,
  compactRevision: 0n,
  cancelReason: '',
  fragment: false,
  events: [],
};

function refusal(added: Exclude<Added, { type: 'watching' }>): string {
  switch (added.type) {
    case 'duplicate':
      return reasons.duplicate;
    case 'unavailable':
      return etcdErrors.stopped.message;
    case 'tooMany':
      return added.scope === 'stream'
        ? `etcdserver: too many requests: a stream may have ${added.limit} watches, open another one`
        : `etcdserver: too many requests: a replica serves ${added.limit} watches, try another one`;
    default:
      return assertNever(added);
  }
}

/** How etcd's own client library writes a failure that is no failure of the call. */
function statusText({ code, message }: Failure): string {
  const name = Object.entries(Code).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return `rpc error: code = ${name[0]?.toUpperCase()}${name.slice(1)} desc = ${message}`;
}
