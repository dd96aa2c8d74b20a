import type { Store } from '../../core/store.ts';
import { encodeRecord, encodeTombstone, type LiveRecord } from './records.ts';
import { atRevision, currentRevisionRecord, readCurrentRevision, versionKey } from './versions.ts';

/** The writes of one command: they all happen at one revision, which exists once there is a write. */
export class RevisionWriter {
  readonly store: Store;
  readonly #before: number;
  #writes = 0;

  constructor(store: Store) {
    this.store = store;
    this.#before = readCurrentRevision(store);
  }

  /** What the command sees as the present: with its own writes. */
  get present(): number {
    return this.#writes === 0 ? this.#before : this.#before + 1;
  }

  put(key: Uint8Array, value: Uint8Array, lease: bigint, previous: LiveRecord | undefined): void {
    const revision = this.#before + 1;
    const record: LiveRecord = {
      revision,
      createRevision: previous?.createRevision ?? revision,
      version: (previous?.version ?? 0) + 1,
      lease,
      value,
    };
    this.store.put(versionKey(key, revision), encodeRecord(record, this.#writes++));
  }

  /** Deletes the key that `version` is a version of. */
  delete(version: Uint8Array): void {
    this.store.put(atRevision(version, this.#before + 1), encodeTombstone(this.#writes++));
  }

  /** Ends the command; the revision to answer with. */
  finish(): number {
    if (this.#writes > 0) this.store.put(...currentRevisionRecord(this.present));
    return this.present;
  }
}
