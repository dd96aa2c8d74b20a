import type { ClientDuplexStream } from '@grpc/grpc-js';
import { WatchRequest, WatchResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { Event as WireEvent } from '../../api/etcd/gen/mvccpb/kv.ts';
import { revisionOf } from './requests.ts';
import type { StreamHandler } from './streams.ts';
import type { Watcher } from './watcher.ts';

export interface WatchStreamHost {
  opened(): void;
  /** Whether this is the cluster that it has been so far. */
  cluster(id: bigint): boolean;
  closed(): void;
}

/** A watch on this stream, from its create request to its end. */
interface Attachment {
  readonly watcher: Watcher;
  /** The server's name for it; undefined until the server says so. */
  id: bigint | undefined;
  /** Nobody wants its events any more. */
  detached: boolean;
  /** Events of a revision of which more may follow. */
  partial: WireEvent[];
}

/** The server's name for "all watches of this stream", and for none. */
const noWatch = -1n;

/** The watch protocol on one stream. */
export class WatchStream implements StreamHandler {
  readonly #host: WatchStreamHost;
  /** Create requests that were not answered yet: they are answered in their order. */
  readonly #creating: Attachment[] = [];
  readonly #byId = new Map<bigint, Attachment>();
  readonly #byWatcher = new Map<Watcher, Attachment>();
  #stream: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;
  #trusted = false;

  constructor(host: WatchStreamHost) {
    this.#host = host;
  }

  opened(stream: ClientDuplexStream<Uint8Array, Uint8Array>): void {
    this.#stream = stream;
    this.#host.opened();
  }

  closed(): void {
    this.#stream = undefined;
    this.#host.closed();
  }

  attach(watcher: Watcher): void {
    const attachment: Attachment = { watcher, id: undefined, detached: false, partial: [] };
    this.#creating.push(attachment);
    this.#byWatcher.set(watcher, attachment);
    this.#send({ $case: 'createRequest', value: watcher.createRequest() });
  }

  detach(watcher: Watcher): void {
    const attachment = this.#byWatcher.get(watcher);
    if (attachment === undefined) return;
    this.#byWatcher.delete(watcher);
    attachment.detached = true;
    // One that has no id yet is cancelled when it gets one.
    if (attachment.id !== undefined) this.#cancel(attachment.id);
  }

  trustProgress(): void {
    this.#trusted = true;
  }

  requestProgress(): void {
    this.#send({ $case: 'progressRequest', value: {} });
  }

  message(bytes: Uint8Array): void {
    const response = WatchResponse.decode(bytes);
    if (response.header !== undefined && !this.#host.cluster(response.header.clusterId)) return;
    if (response.created) this.#created(response);
    if (response.canceled) this.#canceled(response);
    else if (response.events.length > 0) this.#events(response);
    else if (!response.created) this.#progress(response);
  }

  #created(response: WatchResponse): void {
    const attachment = this.#creating.shift();
    if (attachment === undefined) return;
    if (response.canceled || response.watchId === noWatch) {
      // Refused: it never had an id.
      if (!attachment.detached) this.#end(attachment, response);
      return;
    }
    attachment.id = response.watchId;
    if (attachment.detached) {
      this.#cancel(response.watchId);
      return;
    }
    this.#byId.set(response.watchId, attachment);
    attachment.watcher.created(revisionOf(response.header));
  }

  #canceled(response: WatchResponse): void {
    const attachment = this.#byId.get(response.watchId);
    if (attachment !== undefined && !attachment.detached) this.#end(attachment, response);
  }

  #end(attachment: Attachment, { cancelReason, compactRevision }: WatchResponse): void {
    attachment.detached = true;
    if (attachment.id !== undefined) this.#byId.delete(attachment.id);
    this.#byWatcher.delete(attachment.watcher);
    attachment.watcher.canceled(cancelReason, compactRevision);
  }

  /** Events come in the order of their revisions; those of one revision may be spread over fragments. */
  #events({ watchId, events, fragment }: WatchResponse): void {
    const attachment = this.#byId.get(watchId);
    if (attachment === undefined) return;
    for (const event of events) {
      const [first] = attachment.partial;
      if (first !== undefined && first.kv?.modRevision !== event.kv?.modRevision) this.#flush(attachment);
      attachment.partial.push(event);
    }
    if (!fragment) this.#flush(attachment);
  }

  #flush(attachment: Attachment): void {
    const events = attachment.partial;
    attachment.partial = [];
    const revision = events[0]?.kv?.modRevision;
    if (revision !== undefined && !attachment.detached) attachment.watcher.push(revision, events);
  }

  #progress({ watchId, header }: WatchResponse): void {
    if (!this.#trusted) return;
    const revision = revisionOf(header);
    for (const attachment of watchId === noWatch ? this.#byId.values() : [this.#byId.get(watchId)]) {
      if (attachment !== undefined && attachment.partial.length === 0)
        attachment.watcher.progressed(revision);
    }
  }

  #cancel(id: bigint): void {
    this.#byId.delete(id);
    this.#send({ $case: 'cancelRequest', value: { watchId: id } });
  }

  #send(requestUnion: WatchRequest['requestUnion']): void {
    this.#stream?.write(WatchRequest.encode({ requestUnion }).finish());
  }
}
