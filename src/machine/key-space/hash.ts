import { crc32c } from '../../core/crc32c.ts';
import type { ReadStore } from '../../core/store.ts';
import { writeUint32 } from '../uint64.ts';
import { checkRevision } from './range.ts';
import { isLive } from './records.ts';
import type { KeyError } from './requests.ts';
import { readCompactedRevision, readCurrentRevision } from './revisions.ts';
import { isOver, newSlice, type Slice } from './slices.ts';
import { boundsOf, revisionOf, sameKey } from './versions.ts';

export interface KeySpaceHash {
  readonly type: 'hash';
  /** CRC-32C over keys, revisions and values. */
  readonly hash: number;
  /** What was hashed: all that can be read at revisions from `compacted` through `revision`. */
  readonly revision: bigint;
  readonly compacted: bigint;
  /** The present revision when it began. */
  readonly present: bigint;
}

/**
 * The hash of the key space up to a revision, in slices. Replicas that agree give the same hash for the same revision
 * and the same last compaction, however far each has got with giving back space, and whatever was written since.
 */
export class HashSlices {
  readonly #wanted: bigint;
  #present: number | undefined;
  #pass = new Pass(0, 0);

  /** 0 or less for the present. */
  constructor(revision: bigint) {
    this.#wanted = revision;
  }

  /** Goes on for one slice; undefined means: call again, at leisure, with the state as it is then. */
  next(store: ReadStore): KeySpaceHash | KeyError | undefined {
    const now = readCurrentRevision(store);
    this.#present ??= now;
    const revision = this.#wanted <= 0n ? BigInt(this.#present) : this.#wanted;
    const error = checkRevision(store, revision, now);
    if (error !== undefined) return error;
    const compacted = readCompactedRevision(store);
    // After a compaction there is less to hash: begins again.
    if (this.#pass.compacted !== compacted || this.#pass.revision !== Number(revision))
      this.#pass = new Pass(Number(revision), compacted);
    if (!this.#pass.advance(store, newSlice())) return undefined;
    const { hash } = this.#pass;
    return { type: 'hash', hash, revision, compacted: BigInt(compacted), present: BigInt(this.#present) };
  }
}

/** One way through all versions. */
class Pass {
  readonly revision: number;
  readonly compacted: number;
  hash = 0;
  readonly #to: Uint8Array;
  readonly #lengths = new Uint8Array(8);
  #from: Uint8Array;
  #key: Uint8Array | undefined;
  /** What the key was at the compaction was passed: its older versions are superfluous, there or not. */
  #settled = false;

  constructor(revision: number, compacted: number) {
    const { from, to } = boundsOf({ from: Uint8Array.of(0), to: undefined });
    this.revision = revision;
    this.compacted = compacted;
    this.#from = from;
    this.#to = to;
  }

  /** True when it is through. */
  advance(store: ReadStore, slice: Slice): boolean {
    for (const [version, record] of store.scan({ from: this.#from, to: this.#to })) {
      if (isOver(slice)) {
        this.#from = version;
        return false;
      }
      slice.keys--;
      slice.bytes -= version.length + record.length;
      this.#visit(version, record);
    }
    return true;
  }

  #visit(version: Uint8Array, record: Uint8Array): void {
    if (this.#key === undefined || !sameKey(version, this.#key)) this.#settled = false;
    this.#key = version;
    const revision = revisionOf(version);
    if (revision > this.revision || this.#settled) return;
    this.#settled = revision <= this.compacted;
    if (!this.#settled || isLive(record) || revision === this.compacted) this.#add(version, record);
  }

  #add(version: Uint8Array, record: Uint8Array): void {
    writeUint32(this.#lengths, 0, version.length);
    writeUint32(this.#lengths, 4, record.length);
    this.hash = crc32c(record, crc32c(version, crc32c(this.#lengths, this.hash)));
  }
}
