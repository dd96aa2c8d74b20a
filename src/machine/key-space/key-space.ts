import { Malformed } from '../../core/codec.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import type { Machine } from '../machine.ts';
import { encodeAnswer } from './answer-codec.ts';
import { checkAnswer } from './answer-size.ts';
import { decodeCommand } from './command-codec.ts';
import type { KeyAnswer, KeyCommand, KeyError } from './requests.ts';
import { RevisionWriter } from './revision-writer.ts';
import { inOneGo } from './slices.ts';
import { check, execute, plan } from './transaction.ts';
import { validate } from './validate.ts';
import { currentRevisionRecord, readCurrentRevision } from './versions.ts';

/** The versioned key space: the first machine. A command is one revision, or none when it writes nothing. */
export const keySpace: Machine = {
  name: 'key-space',
  featureLevel: 1,
  apply(command, _context, store) {
    const request = decodeCommand(command);
    if (request instanceof Malformed)
      return encodeAnswer(refused(store, { type: 'error', code: 'malformed' }));
    return encodeAnswer(applyCommand(store, request));
  },
};

function applyCommand(store: Store, request: KeyCommand): KeyAnswer {
  const writer = new RevisionWriter(store);
  const invalid = validate(request);
  if (invalid !== undefined) return refused(store, invalid);
  const step = inOneGo(store, (turn) => plan(turn, request, writer.present));
  const error = check(store, step, writer.present);
  if (error !== undefined) return refused(store, error);
  const tooLarge = inOneGo(store, (turn) => checkAnswer(turn, step, writer.present));
  if (tooLarge !== undefined) return refused(store, tooLarge);
  const result = execute(writer, step);
  return { revision: BigInt(writer.finish()), result };
}

/** The revision of the last write; 1 for an empty key space. */
export function currentRevision(store: ReadStore): bigint {
  return BigInt(readCurrentRevision(store));
}

/**
 * Lets revisions go on from a higher one, without a write: for a restored cluster, so that its revisions are above
 * those that clients have seen of the one it was restored from.
 */
export function raiseRevision(store: Store, by: number): void {
  store.put(...currentRevisionRecord(readCurrentRevision(store) + by));
}

function refused(store: ReadStore, result: KeyError): KeyAnswer {
  return { revision: BigInt(readCurrentRevision(store)), result };
}
