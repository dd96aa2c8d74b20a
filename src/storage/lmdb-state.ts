import { emptyBytes, equalBytes } from '../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { crc32c } from '../core/crc32c.ts';
import { PairDigest } from '../core/digest.ts';
import type { Base } from '../protocol/index.ts';
import type { ReceivedSnapshot } from './backend.ts';
import { readBase, writeBase } from './base-codec.ts';
import type { Callback, Disk, DiskError } from './disk.ts';
import { LmdbEnvironment, lmdbPageSize } from './lmdb-environment.ts';
import { damagedLmdbFile, prepareLmdbFile } from './lmdb-file.ts';
import { readSnapshotFile } from './snapshot-file.ts';
import type { StateFiles } from './state-files.ts';

export interface LmdbBackendOptions {
  readonly disk: Disk;
  /** Where on the file system the disk's paths begin: LMDB opens its file itself. */
  readonly root: string;
  /** Of its own; made when absent. */
  readonly directory: string;
  /** The position of the empty state that a new directory begins with. */
  readonly initial: Base;
}

/** Between two turns of the event loop, when a state is opened. */
const checkedPairsPerTurn = 1000;

/** An LMDB file that holds a whole state. */
export interface OpenedState {
  readonly environment: LmdbEnvironment;
  readonly base: Base;
  readonly digest: Uint8Array;
}

/** Makes the empty state durable before anything is built on it. */
export function beginState(
  options: LmdbBackendOptions,
  files: StateFiles,
  callback: Callback<OpenedState>,
): void {
  const path = files.next();
  LmdbEnvironment.open(options.disk, options.root, path, (openError, environment) => {
    if (openError !== undefined) return callback(openError, undefined);
    const state = { environment, base: options.initial, digest: new PairDigest().bytes() };
    completeState(files, state, callback);
  });
}

/** Writes the record that makes a state whole, then makes it the current one. */
function completeState(files: StateFiles, state: OpenedState, callback: Callback<OpenedState>): void {
  const { environment } = state;
  const fail = (error: DiskError): void => environment.retire(() => callback(error, undefined));
  environment.write([], encodeRecord(state), (writeError) => {
    if (writeError !== undefined) return fail(writeError);
    files.switchTo(environment.path, (switchError) => {
      if (switchError !== undefined) fail(switchError);
      else callback(undefined, state);
    });
  });
}

/** Takes up a state again after checking that all of it is there: LMDB has no checksums of its own. */
export function recoverState(
  options: LmdbBackendOptions,
  path: string,
  callback: Callback<OpenedState>,
): void {
  prepareLmdbFile(options.disk, path, lmdbPageSize, (prepareError) => {
    if (prepareError !== undefined) return callback(prepareError, undefined);
    LmdbEnvironment.open(options.disk, options.root, path, (openError, environment) => {
      if (openError !== undefined) return callback(openError, undefined);
      const fail = (error: DiskError): void => environment.retire(() => callback(error, undefined));
      const bytes = environment.record();
      const record = bytes === undefined ? new Malformed('is absent') : decodeRecord(bytes);
      if (record instanceof Malformed)
        return fail(damagedLmdbFile(path, `the record of the position ${record.message}`));
      checkPairs(environment, record.digest, (damage) => {
        if (damage !== undefined) return fail(damagedLmdbFile(path, damage));
        // A process that died may have left its last commit in the page cache only: this one syncs it too.
        environment.write([], bytes, (writeError) => {
          if (writeError !== undefined) fail(writeError);
          else callback(undefined, { environment, ...record });
        });
      });
    });
  });
}

/** Calls back with what is wrong. Goes on in slices, since a large state takes seconds. */
function checkPairs(
  environment: LmdbEnvironment,
  expected: Uint8Array,
  callback: (damage: string | undefined) => void,
): void {
  const digest = new PairDigest();
  let longestKey = 0;
  const pairs = environment.scan({ from: emptyBytes, to: undefined });
  const proceed = (): void => {
    try {
      for (let count = 0; count < checkedPairsPerTurn; count++) {
        const next = pairs.next();
        if (next.done === true) {
          environment.keysAreAtMost(longestKey);
          const whole = equalBytes(digest.bytes(), expected);
          return callback(whole ? undefined : 'its pairs are not those that were written');
        }
        digest.add(...next.value);
        longestKey = Math.max(longestKey, next.value[0].length);
      }
    } catch (error) {
      return callback(`it could not be read (${error instanceof Error ? error.message : String(error)})`);
    }
    setImmediate(proceed);
  };
  proceed();
}

/** Writes a received snapshot to a new file in slices, and makes it the current one. */
export function loadSnapshot(
  options: LmdbBackendOptions,
  files: StateFiles,
  snapshot: ReceivedSnapshot,
  callback: Callback<OpenedState>,
): void {
  const path = files.next();
  LmdbEnvironment.open(options.disk, options.root, path, (openError, environment) => {
    if (openError !== undefined) return callback(openError, undefined);
    const giveUp = (error: DiskError): void =>
      environment.retire(() => files.remove(path, () => callback(error, undefined)));
    readSnapshotFile(
      options.disk,
      snapshot.path,
      (pairs, proceed) => {
        environment.append(pairs, proceed);
      },
      (readError, summary) => {
        if (readError !== undefined) return giveUp(readError);
        if (environment.pairs() !== summary.pairs)
          return giveUp(damagedLmdbFile(path, 'it has not all pairs that were written'));
        const state = { environment, base: snapshot.base, digest: summary.header.digest };
        completeState(files, state, callback);
      },
    );
  });
}

const recordVersion = 1;

/** The record beside the pairs, docs/formats/store.md. */
export function encodeRecord(state: { readonly base: Base; readonly digest: Uint8Array }): Uint8Array {
  const writer = new Writer(256).u32(recordVersion).raw(state.digest);
  writeBase(writer, state.base);
  return writer.u32(crc32c(writer.finish())).finish();
}

function decodeRecord(bytes: Uint8Array): { base: Base; digest: Uint8Array } | Malformed {
  return decode(bytes, (reader: Reader) => {
    const version = reader.u32();
    if (version !== recordVersion) throw new Malformed(`has format ${version}, not ${recordVersion}`);
    const digest = reader.raw(8);
    const base = readBase(reader);
    if (reader.u32() !== crc32c(bytes.subarray(0, bytes.length - 4)))
      throw new Malformed('is not as it was written');
    return { base, digest };
  });
}
