import type { NodeId } from '../core/ids.ts';
import { writeUint32, writeUint64 } from './uint64.ts';

/**
 * Keys of the store. The first byte parts what the replicated layer keeps from what the machine keeps; the second byte
 * names a table of the layer. docs/machine.md lists them all.
 */
const layerSpace = 0x00;
export const machineSpace = 0x01;

/** Tables of the layer. Numbers are never reused: they are on disks and in snapshots. */
export const table = { featureLevel: 0x01, member: 0x02, session: 0x03, result: 0x04 } as const;

export function featureLevelKey(): Uint8Array {
  return Uint8Array.of(layerSpace, table.featureLevel);
}

export function memberKey(id: NodeId): Uint8Array {
  return idKey(table.member, id, 10);
}

export function sessionKey(opener: NodeId): Uint8Array {
  return idKey(table.session, opener, 10);
}

/** Where the result of a command is kept: slots are reused, `slot` is the sequence modulo the window. */
export function resultKey(opener: NodeId, slot: number): Uint8Array {
  const key = idKey(table.result, opener, 14);
  writeUint32(key, 10, slot);
  return key;
}

/** Bounds of a table of the layer, or of the part of it that belongs to `id`. */
export function tableRange(tag: number, id?: NodeId): { from: Uint8Array; to: Uint8Array } {
  if (id === undefined)
    return { from: Uint8Array.of(layerSpace, tag), to: Uint8Array.of(layerSpace, tag + 1) };
  return { from: idKey(tag, id, 10), to: idKey(tag, (id + 1) as NodeId, 10) };
}

function idKey(tag: number, id: NodeId, length: number): Uint8Array {
  const key = new Uint8Array(length);
  key[0] = layerSpace;
  key[1] = tag;
  writeUint64(key, 2, id);
  return key;
}
