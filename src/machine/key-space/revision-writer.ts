import type { Store } from '../../core/store.ts';
import { type Head, type LiveHead, writeHead } from './heads.ts';
import { recordEvent } from './history.ts';
import { attach, detach } from './leases.ts';
import { encodeRecord, encodeTombstone } from './records.ts';
import { type Present, writePresent } from './revisions.ts';
import { atRevision, revisionOf, userKey, versionKey } from './versions.ts';

/** The writes of one command: they all happen at one revision, which exists once there is a write. */
export class RevisionWriter {
  readonly store: Store;
  readonly #before: Present;
  #writes = 0;

  /** `before`: as the store has it. */
  constructor(store: Store, before: Present) {
    this.store = store;
    this.#before = before;
  }

  /** What the command sees as the present: with its own writes. */
  get present(): number {
    return this.#writes === 0 ? this.#before.revision : this.#before.revision + 1;
  }

  put(key: Uint8Array, value: Uint8Array, lease: bigint, head: Head | undefined): void {
    const revision = this.#before.revision + 1;
    const previous = head?.live;
    const live: LiveHead = {
      createRevision: previous?.createRevision ?? revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    const attachedTo = previous?.lease ?? 0n;
    if (attachedTo !== lease) {
      if (attachedTo !== 0n) detach(this.store, attachedTo, key);
      if (lease !== 0n) attach(this.store, lease, key);
    }
    const order = this.#writes++;
    writeHead(this.store, key, { revision, live });
    this.store.put(versionKey(key, revision), encodeRecord(live, value, order));
    recordEvent(this.store, revision, order, 'put', key, head?.revision ?? 0);
  }

  /** Deletes the key that `version` is the present version of, which was attached to `lease`. */
  delete(version: Uint8Array, lease: bigint): void {
    const revision = this.#before.revision + 1;
    const key = userKey(version);
    if (lease !== 0n) detach(this.store, lease, key);
    const order = this.#writes++;
    writeHead(this.store, key, { revision, live: undefined });
    this.store.put(atRevision(version, revision), encodeTombstone(order));
    recordEvent(this.store, revision, order, 'delete', key, revisionOf(version));
  }

  /** Ends the command; the revision to answer with. */
  finish(): number {
    if (this.#writes > 0) writePresent(this.store, { ...this.#before, revision: this.present });
    return this.present;
  }
}
