import { InvariantViolation } from '../core/assert.ts';
import { lostDirectoryAdvice } from '../storage/advice.ts';
import { DiskError } from '../storage/disk.ts';

/** Why a replica cannot start, or cannot go on in its data directory. The message says what to do. */
export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';
  readonly code: ReplicaErrorCode;

  constructor(code: ReplicaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type ReplicaErrorCode =
  /** The arguments contradict each other, or the data directory. */
  | 'CONFIGURATION'
  /** The data directory belongs to another name, cluster, protocol or machine. */
  | 'FOREIGN_DATA'
  /** Another process uses the data directory. */
  | 'LOCKED'
  /** What is on disk is not what was written. */
  | 'DAMAGED'
  /** The disk cannot be read or written. */
  | 'DISK'
  /** The peer port cannot be listened on. */
  | 'ADDRESS'
  /** An empty directory under the name of a member that has taken part already. */
  | 'REPLACED'
  /** The replica was removed from its cluster. */
  | 'REMOVED'
  /** It was stopped while it waited to be added. */
  | 'CANCELLED'
  /** A copy of the data directory from before its latest start. */
  | 'ROLLED_BACK'
  /** The data, or the cluster, is of a newer version than this program. */
  | 'TOO_NEW'
  /** A broken invariant of ours. */
  | 'INVARIANT';

/** `text`: what a peer said. */
export const rolledBackText = (text: string): string =>
  `This data directory must not take part: ${text}. An older copy may have been put in its place. If the newer directory ` +
  `still exists, start with that. If not: ${lostDirectoryAdvice}`;

export const removedText = (name: string): string =>
  `${name} was removed from its cluster and has nothing to do any more: its data directory can be deleted. To come back, it ` +
  'is added anew with "quorate member add" and starts with an empty directory.';

export const namesakeText = (name: string): string =>
  `There is another member ${name}, so this replica cannot take part under that name. It has not counted so far: start ` +
  'it with an empty data directory and another --name.';

/** A file that cannot be used, in the words of what found it. */
export function diskTrouble(what: string, error: Error): ReplicaError {
  const damaged = !(error instanceof DiskError) || error.kind === 'damaged';
  return new ReplicaError(damaged ? 'DAMAGED' : 'DISK', `${what} cannot be opened: ${error.message}`, {
    cause: error,
  });
}

/** Why a running replica halts. */
export function haltReason(error: unknown): ReplicaError {
  if (error instanceof ReplicaError) return error;
  if (error instanceof DiskError) {
    const code = error.kind === 'damaged' ? 'DAMAGED' : 'DISK';
    return new ReplicaError(code, `The replica halts because its disk failed it: ${error.message}`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'CORRUPT_RECORD') {
    return new ReplicaError(
      'DAMAGED',
      `The data directory is damaged: ${message}. Acknowledged writes may be among what is lost, so this replica must not ` +
        `go on. Check this disk. ${lostDirectoryAdvice}`,
      { cause: error },
    );
  }
  if (code === 'NOT_A_MEMBER') return new ReplicaError('REMOVED', message, { cause: error });
  const what = error instanceof InvariantViolation ? 'a broken invariant' : 'an unforeseen error';
  return new ReplicaError(
    'INVARIANT',
    `The replica halts on ${what}: ${message}. What was acknowledged is on disk; keep the data directory and report this.`,
    { cause: error },
  );
}
