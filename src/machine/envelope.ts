import { assert, assertNever } from '../core/assert.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { maxPublishedAddresses, maxPublishedAddressLength } from '../core/limits.ts';

/**
 * A run of an opener, in which it numbers its commands. Incarnations of one opener rise: opening a newer one ends the
 * one before it.
 */
export interface Session {
  readonly opener: NodeId;
  readonly incarnation: number;
}

/** What a member tells the cluster about itself when it starts. */
export interface PublishedMember {
  readonly id: NodeId;
  /** host:port, or URLs, for clients. */
  readonly clientAddresses: readonly string[];
  /** The highest level that its build can run. */
  readonly maxFeatureLevel: number;
  /** Of its build; for people. */
  readonly version: string;
}

export interface CommandEnvelope {
  readonly type: 'command';
  readonly session: Session;
  /** 1 for the first command of a session. */
  readonly sequence: number;
  /** Nothing below is outstanding; at most `sequence`. What is below and has not run yet never will. */
  readonly acknowledgedBelow: number;
  /** For the machine. */
  readonly command: Uint8Array;
}

/** Payload of an ordered entry: for the replicated layer, or for the machine by way of a session. */
export type Envelope =
  | { readonly type: 'openSession'; readonly session: Session }
  | CommandEnvelope
  | { readonly type: 'publish'; readonly member: PublishedMember }
  | { readonly type: 'raiseFeatureLevel'; readonly to: number };

/** First byte of an envelope. Numbers are never reused: they are in journals. 3 is kept for the closing of a session. */
const kind = { openSession: 1, command: 2, publish: 4, raiseFeatureLevel: 5 } as const;

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  switch (envelope.type) {
    case 'openSession':
      return writeSession(new Writer(16).u8(kind.openSession), envelope.session).finish();
    case 'command': {
      const outstanding = envelope.sequence - envelope.acknowledgedBelow;
      assert(outstanding >= 0, `command ${envelope.sequence} was acknowledged before it was sent`);
      return writeSession(new Writer(envelope.command.length + 32).u8(kind.command), envelope.session)
        .uint(envelope.sequence)
        .uint(outstanding)
        .raw(envelope.command)
        .finish();
    }
    case 'publish': {
      const { member } = envelope;
      const writer = new Writer(128).u8(kind.publish).uint(member.id);
      return writeMemberRecord(writer, member).finish();
    }
    case 'raiseFeatureLevel':
      return new Writer(8).u8(kind.raiseFeatureLevel).uint(envelope.to).finish();
    default:
      return assertNever(envelope);
  }
}

/** `Malformed` when the bytes are not an envelope of this version. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | Malformed {
  return decode(bytes, readEnvelope);
}

function readEnvelope(reader: Reader): Envelope {
  const found = reader.u8();
  switch (found) {
    case kind.openSession:
      return { type: 'openSession', session: readSession(reader) };
    case kind.command: {
      const session = readSession(reader);
      const sequence = reader.uint();
      const outstanding = reader.uint();
      if (sequence === 0) throw new Malformed('command without a sequence');
      if (outstanding > sequence) throw new Malformed(`${outstanding} commands before command ${sequence}`);
      const command = reader.raw(reader.remaining);
      return { type: 'command', session, sequence, acknowledgedBelow: sequence - outstanding, command };
    }
    case kind.publish:
      return { type: 'publish', member: { id: readNodeId(reader), ...readMemberRecord(reader) } };
    case kind.raiseFeatureLevel:
      return { type: 'raiseFeatureLevel', to: reader.uint() };
    default:
      throw new Malformed(`unknown kind of envelope ${found}`);
  }
}

/** A published member without its id: as in envelopes and as in the store. */
export function writeMemberRecord(writer: Writer, member: PublishedMember): Writer {
  writer.uint(member.maxFeatureLevel).string(member.version).uint(member.clientAddresses.length);
  for (const address of member.clientAddresses) writer.string(address);
  return writer;
}

export function readMemberRecord(reader: Reader): Omit<PublishedMember, 'id'> {
  const maxFeatureLevel = reader.uint();
  const version = readShortString(reader);
  const count = reader.count(1);
  if (count > maxPublishedAddresses) throw new Malformed(`${count} client addresses`);
  const clientAddresses: string[] = [];
  for (let left = count; left > 0; left--) clientAddresses.push(readShortString(reader));
  return { clientAddresses, maxFeatureLevel, version };
}

function readShortString(reader: Reader): string {
  const text = reader.string();
  if (text.length > maxPublishedAddressLength) throw new Malformed(`text of ${text.length} characters`);
  return text;
}

function writeSession(writer: Writer, session: Session): Writer {
  return writer.uint(session.opener).uint(session.incarnation);
}

function readSession(reader: Reader): Session {
  return { opener: readNodeId(reader), incarnation: reader.uint() };
}

function readNodeId(reader: Reader): NodeId {
  const id = reader.uint();
  // Tables are bounded by id + 1, which has to be an integer too.
  if (id === 0 || id === Number.MAX_SAFE_INTEGER) throw new Malformed(`no member has the id ${id}`);
  return nodeId(id);
}
