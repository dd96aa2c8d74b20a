import type { DiskError } from './disk.ts';

/** Why a journal does not open. */
export type JournalError = DiskError | JournalDamaged | JournalForeign | JournalUnsupported;

export type JournalCallback<T> = (
  ...outcome: [error: JournalError, value: undefined] | [error: undefined, value: T]
) => void;

/**
 * Records that were durable, and perhaps acknowledged, cannot be read. Going on without them would break promises to the
 * other replicas, so the journal does not open.
 */
export class JournalDamaged extends Error {
  override readonly name = 'JournalDamaged';
  readonly code = 'JOURNAL_DAMAGED';
  readonly path: string;
  /** In bytes, within the file. */
  readonly offset: number;

  constructor(path: string, offset: number, finding: string) {
    super(
      `The journal is damaged: ${path}, offset ${offset}: ${finding}. Acknowledged writes may be among what is lost, so ` +
        'this replica must not go on. The other replicas have the data: check this disk, then remove this member from ' +
        'the cluster and add it anew with an empty data directory. If this was the only replica, restore a backup.',
    );
    this.path = path;
    this.offset = offset;
  }
}

/** A segment that was written for another data directory. */
export class JournalForeign extends Error {
  override readonly name = 'JournalForeign';
  readonly code = 'JOURNAL_FOREIGN';
  readonly path: string;

  constructor(path: string, expected: string, found: string) {
    super(
      `${path} belongs to the data directory with storage id ${found}, not to this one, ${expected}. Nothing was ` +
        'changed. Put the files of each data directory back where they belong; journals cannot be mixed.',
    );
    this.path = path;
  }
}

/** A segment in a format that this program does not know. */
export class JournalUnsupported extends Error {
  override readonly name = 'JournalUnsupported';
  readonly code = 'JOURNAL_UNSUPPORTED';
  readonly path: string;

  constructor(path: string, supported: number, found: number) {
    super(
      `${path} has journal format ${found}; this program reads format ${supported}. Nothing was changed. Start the ` +
        'version that wrote it, or a newer one.',
    );
    this.path = path;
  }
}
