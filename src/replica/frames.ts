import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { sessionWindow } from '../core/limits.ts';
import {
  decodeReconfiguration,
  encodeReconfiguration,
  type Message,
  type ProtocolDefinition,
  type Reconfiguration,
  type Refusal,
  reconfigurationRefusals,
} from '../protocol/index.ts';
import type { Submission } from './proposals.ts';

/** Frames between drivers; below 16 are the transport's own. */
export const frameKind = {
  /** A message of the protocol. */
  protocol: 16,
  /** Commands from a replica that does not lead. */
  forward: 17,
  /** Which of them were not taken. */
  refused: 18,
  /** A change of membership that a replica that does not lead was asked for. */
  change: 19,
  /** That it was not taken. */
  changeRefused: 20,
} as const;

/** What a session lets be outstanding, and a few of the replica's own. */
const maxForwardedCommands = sessionWindow + 16;

/** Commands of one start of a replica, whose sequences mean nothing in another. */
export interface Forward {
  readonly incarnation: number;
  readonly submissions: readonly Submission[];
}

export interface RefusedSubmission {
  readonly incarnation: number;
  readonly sequence: number;
  readonly reason: Refusal;
}

/** In the order of their numbers on the wire: append only. */
const refusals: readonly Refusal[] = [
  'notLeader',
  'overloaded',
  'storageFull',
  'transferring',
  'unsupported',
  'tooLarge',
  ...reconfigurationRefusals,
];

export function encodeForward({ incarnation, submissions }: Forward): Uint8Array {
  let size = 16;
  for (const { payload } of submissions) size += payload.length + 16;
  const writer = new Writer(size).uint(incarnation).uint(submissions.length);
  for (const { sequence, payload } of submissions) writer.uint(sequence).bytes(payload);
  return writer.finish();
}

export function readForward(reader: Reader): Forward {
  const incarnation = reader.uint();
  const submissions: Submission[] = [];
  const sent = reader.count(2);
  if (sent > maxForwardedCommands) throw new Malformed(`${sent} commands in one frame`);
  for (let count = sent; count > 0; count--) {
    submissions.push({ sequence: reader.uint(), payload: reader.bytes() });
  }
  return { incarnation, submissions };
}

export function encodeRefused(refused: readonly RefusedSubmission[]): Uint8Array {
  const writer = new Writer().uint(refused.length);
  for (const { incarnation, sequence, reason } of refused) {
    writer.uint(incarnation).uint(sequence).u8(refusals.indexOf(reason));
  }
  return writer.finish();
}

export function readRefused(reader: Reader): RefusedSubmission[] {
  const refused: RefusedSubmission[] = [];
  for (let count = reader.count(3); count > 0; count--) {
    const incarnation = reader.uint();
    const sequence = reader.uint();
    const reason = refusals[reader.u8()];
    if (reason === undefined) throw new Malformed('unknown refusal');
    refused.push({ incarnation, sequence, reason });
  }
  return refused;
}

/** Numbered by the replica that asks, within this start of it. */
export interface ChangeRequest {
  readonly incarnation: number;
  readonly number: number;
  readonly change: Reconfiguration;
}

export interface ChangeRefused {
  readonly incarnation: number;
  readonly number: number;
  readonly reason: Refusal;
}

export function encodeChange({ incarnation, number, change }: ChangeRequest): Uint8Array {
  return new Writer(128).uint(incarnation).uint(number).bytes(encodeReconfiguration(change)).finish();
}

export function readChange(reader: Reader): ChangeRequest {
  const incarnation = reader.uint();
  const number = reader.uint();
  const change = decodeReconfiguration(reader.bytes());
  if (change instanceof Malformed) throw change;
  return { incarnation, number, change };
}

export function encodeChangeRefused({ incarnation, number, reason }: ChangeRefused): Uint8Array {
  return new Writer(32).uint(incarnation).uint(number).u8(refusals.indexOf(reason)).finish();
}

export function readChangeRefused(reader: Reader): ChangeRefused {
  const incarnation = reader.uint();
  const number = reader.uint();
  const reason = refusals[reader.u8()];
  if (reason === undefined) throw new Malformed('unknown refusal');
  return { incarnation, number, reason };
}

/** What a frame of a peer says. */
export type Frame =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'forward'; readonly forward: Forward }
  | { readonly type: 'refused'; readonly refused: readonly RefusedSubmission[] }
  | { readonly type: 'change'; readonly change: ChangeRequest }
  | { readonly type: 'changeRefused'; readonly refused: ChangeRefused };

/** `Malformed` when the bytes are not a frame of this kind, or the kind is of another version. */
export function decodeFrame(
  definition: ProtocolDefinition,
  kind: number,
  payload: Uint8Array,
): Frame | Malformed {
  if (kind === frameKind.protocol) {
    const message = definition.decodeMessage(payload);
    return message instanceof Malformed ? message : { type: 'message', message };
  }
  return decode(payload, (reader): Frame => {
    switch (kind) {
      case frameKind.forward:
        return { type: 'forward', forward: readForward(reader) };
      case frameKind.refused:
        return { type: 'refused', refused: readRefused(reader) };
      case frameKind.change:
        return { type: 'change', change: readChange(reader) };
      case frameKind.changeRefused:
        return { type: 'changeRefused', refused: readChangeRefused(reader) };
      default:
        throw new Malformed(`unknown kind of frame ${kind}`);
    }
  });
}
