import { assert } from '../core/assert.ts';
import { equalBytes, hex } from '../core/bytes.ts';
import type { ReceivedSnapshot } from './backend.ts';
import type { Callback, Disk, DiskError, DiskFile } from './disk.ts';
import type { SnapshotHeader, SnapshotOrigin } from './snapshot.ts';
import { type SnapshotFault, SnapshotReader, snapshotFault } from './snapshot-reader.ts';
import { parentOf } from './state-files.ts';
import { removeIfThere } from './steps.ts';

export interface SnapshotReceiverOptions {
  readonly disk: Disk;
  /** Where the snapshot is to lie; what is there already is replaced. */
  readonly path: string;
  /** Whose snapshot is expected; `featureLevel` is the highest that can be taken. */
  readonly expected: SnapshotOrigin;
}

/**
 * `complete`: all of it is on disk, checked and synced. `refused`: what was sent is not the snapshot that was expected;
 * begin again with another. After `refused` and `failed` only `discard` may be called.
 */
export type ReceiveOutcome =
  | { readonly type: 'more' }
  | { readonly type: 'complete'; readonly snapshot: ReceivedSnapshot; readonly header: SnapshotHeader }
  | { readonly type: 'refused'; readonly fault: SnapshotFault }
  | { readonly type: 'failed'; readonly error: DiskError };

/**
 * Takes a snapshot from a peer, in pieces of any size, into a file. Each piece is checked before it is written; the next
 * one may come when the one before has called back, which is all the memory that a slow disk costs.
 */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  readonly #file: DiskFile;
  readonly #reader = new SnapshotReader();
  #written = 0;
  #busy = false;

  private constructor(options: SnapshotReceiverOptions, file: DiskFile) {
    this.#options = options;
    this.#file = file;
  }

  static open(options: SnapshotReceiverOptions, callback: Callback<SnapshotReceiver>): void {
    const { disk, path } = options;
    removeIfThere(disk, path, (removeError) => {
      if (removeError !== undefined) return callback(removeError, undefined);
      disk.open(path, 'create', (openError, file) => {
        if (openError !== undefined) callback(openError, undefined);
        else callback(undefined, new SnapshotReceiver(options, file));
      });
    });
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#written;
  }

  /**
   * After a stream was cut: forgets the frame that was cut. Another stream can go on behind the bytes that this calls back
   * with, which are whole frames.
   */
  resume(callback: Callback<number>): void {
    assert(!this.#busy, 'a piece of the snapshot is being written');
    this.#busy = true;
    this.#reader.dropPartialFrame();
    this.#written = this.#reader.bytes;
    this.#file.truncate(this.#written, (error) => {
      this.#busy = false;
      if (error !== undefined) callback(error, undefined);
      else callback(undefined, this.#written);
    });
  }

  write(piece: Uint8Array, callback: (outcome: ReceiveOutcome) => void): void {
    assert(!this.#busy, 'a piece of the snapshot is being written');
    this.#busy = true;
    const done = (outcome: ReceiveOutcome): void => {
      this.#busy = false;
      callback(outcome);
    };
    const fault = this.#check(piece);
    // A refused piece is still written, so that the answer never comes before this call has returned.
    this.#file.write(this.#written, [piece], (error) => {
      if (error !== undefined) return done({ type: 'failed', error });
      if (fault !== undefined) return done({ type: 'refused', fault });
      this.#written += piece.length;
      const summary = this.#reader.finish();
      if ('reason' in summary) return done({ type: 'more' });
      this.#settle((settleError) => {
        if (settleError !== undefined) return done({ type: 'failed', error: settleError });
        const { header } = summary;
        done({ type: 'complete', snapshot: { path: this.#options.path, base: header.base }, header });
      });
    });
  }

  /** Closes and removes the file; also after it was complete and installed. */
  discard(callback: () => void): void {
    const { disk, path } = this.#options;
    // What cannot be removed is replaced by the next snapshot.
    this.#file.close(() => removeIfThere(disk, path, () => callback()));
  }

  #check(piece: Uint8Array): SnapshotFault | undefined {
    const events = this.#reader.push(piece);
    if ('reason' in events) return events;
    for (const event of events) {
      if (event.type !== 'header') continue;
      const foreign = foreignTo(event.header, this.#options.expected);
      if (foreign !== undefined) return snapshotFault('foreign', foreign);
    }
    return undefined;
  }

  #settle(callback: Callback<void>): void {
    this.#file.sync((syncError) => {
      if (syncError !== undefined) callback(syncError);
      else this.#options.disk.syncDirectory(parentOf(this.#options.path), callback);
    });
  }
}

/** Why a snapshot must not be taken; undefined when it may. */
function foreignTo(header: SnapshotHeader, expected: SnapshotOrigin): string | undefined {
  if (!equalBytes(header.snapshotId, expected.snapshotId))
    return `it is snapshot ${hex(header.snapshotId)}, not ${hex(expected.snapshotId)}`;
  if (header.clusterId !== expected.clusterId)
    return `it is of cluster ${header.clusterId.toString(16)}, not ${expected.clusterId.toString(16)}`;
  if (header.protocol !== expected.protocol)
    return `its protocol is ${header.protocol}, not ${expected.protocol}`;
  if (header.machine !== expected.machine) return `its machine is ${header.machine}, not ${expected.machine}`;
  if (header.featureLevel > expected.featureLevel)
    return `it needs feature level ${header.featureLevel}; this release has ${expected.featureLevel}`;
  return undefined;
}
