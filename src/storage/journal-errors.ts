import { lostFilesAdvice } from './advice.ts';
import type { DiskError } from './disk.ts';

/** Why a journal does not open. */
export type JournalError = DiskError | JournalRefusal;

export type JournalCallback<T> = (
  ...outcome: [error: JournalError, value: undefined] | [error: undefined, value: T]
) => void;

/** What is found in the files of a journal does not let this replica go on. Nothing was changed. */
export class JournalRefusal extends Error {
  override readonly name = 'JournalRefusal';
  readonly code: JournalRefusalCode;
  readonly path: string;

  constructor(code: JournalRefusalCode, path: string, message: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

export type JournalRefusalCode =
  /**
   * Records that were durable, and perhaps acknowledged, cannot be read: going on without them would break promises to
   * the other replicas.
   */
  | 'JOURNAL_DAMAGED'
  /** A segment was written for another data directory. */
  | 'JOURNAL_FOREIGN'
  /** A segment is in a format that this program does not know. */
  | 'JOURNAL_UNSUPPORTED';

/** `offset` in bytes, within the file. */
export const journalDamaged = (path: string, offset: number, finding: string): JournalRefusal =>
  new JournalRefusal(
    'JOURNAL_DAMAGED',
    path,
    `The journal is damaged: ${path}, offset ${offset}: ${finding}. Acknowledged writes may be among what is lost, so ` +
      `this replica must not go on. Check this disk. ${lostFilesAdvice}`,
  );

export const journalForeign = (path: string, expected: string, found: string): JournalRefusal =>
  new JournalRefusal(
    'JOURNAL_FOREIGN',
    path,
    `${path} belongs to the data directory with storage id ${found}, not to this one, ${expected}. Nothing was ` +
      'changed. Put the files of each data directory back where they belong; journals cannot be mixed.',
  );

export const journalUnsupported = (path: string, supported: number, found: number): JournalRefusal =>
  new JournalRefusal(
    'JOURNAL_UNSUPPORTED',
    path,
    `${path} has journal format ${found}; this program reads format ${supported}. Nothing was changed. Start the ` +
      'version that wrote it, or a newer one.',
  );
