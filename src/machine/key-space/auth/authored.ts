import { decode, type Malformed, type Reader, Writer } from '../../../core/codec.ts';
import { readCommand } from '../command-codec.ts';
import type { KeyCommand } from '../requests.ts';
import { readIdentity, writeIdentity } from './codec.ts';
import type { Identity } from './requests.ts';

/** Before the identity and the command; no tag of a command. */
const authoredTag = 0x40;

/** A command, and on whose behalf it is: nobody's while users are not asked for, and for what the service itself orders. */
export interface Authored {
  readonly identity: Identity | undefined;
  readonly request: KeyCommand;
}

/** `command`: encoded. */
export function encodeAuthored(identity: Identity, command: Uint8Array): Uint8Array {
  const writer = new Writer(command.length + identity.user.length + 16).u8(authoredTag);
  return writeIdentity(writer, identity).raw(command).finish();
}

/** `Malformed` when the bytes are not a command of this version. Keys and values are views of `bytes`. */
export function decodeAuthored(bytes: Uint8Array): Authored | Malformed {
  return decode(bytes, readAuthored);
}

function readAuthored(reader: Reader): Authored {
  const found = reader.u8();
  if (found !== authoredTag) return { identity: undefined, request: readCommand(reader, found) };
  return { identity: readIdentity(reader), request: readCommand(reader, reader.u8()) };
}
