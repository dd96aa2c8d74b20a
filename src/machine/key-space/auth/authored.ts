import { decode, type Malformed, type Reader, Writer } from '../../../core/codec.ts';
import { readCommand } from '../command-codec.ts';
import type { KeyCommand } from '../requests.ts';
import { readIdentity, writeIdentity } from './codec.ts';
import type { Author, Identity } from './requests.ts';

/** Before the identity and the command, and before a command alone; no tags of commands. */
const authoredTag = 0x40;
const ofReplicaTag = 0x41;

/** A command, and on whose behalf it is. */
export interface Authored {
  readonly author: Author;
  readonly request: KeyCommand;
}

/** `command`: encoded. */
export function encodeAuthored(identity: Identity, command: Uint8Array): Uint8Array {
  const writer = new Writer(command.length + identity.user.length + 16).u8(authoredTag);
  return writeIdentity(writer, identity).raw(command).finish();
}

/** `command`: encoded, and a replica's own matter, or one that it has asked the clients themselves about. */
export function encodeOfReplica(command: Uint8Array): Uint8Array {
  return new Writer(command.length + 1).u8(ofReplicaTag).raw(command).finish();
}

/** `Malformed` when the bytes are not a command of this version. Keys and values are views of `bytes`. */
export function decodeAuthored(bytes: Uint8Array): Authored | Malformed {
  return decode(bytes, readAuthored);
}

function readAuthored(reader: Reader): Authored {
  const found = reader.u8();
  switch (found) {
    case authoredTag:
      return {
        author: { type: 'user', identity: readIdentity(reader) },
        request: readCommand(reader, reader.u8()),
      };
    case ofReplicaTag:
      return { author: { type: 'replica' }, request: readCommand(reader, reader.u8()) };
    default:
      return { author: { type: 'nobody' }, request: readCommand(reader, found) };
  }
}
