import type { Random } from '../core/random.ts';
import type { SimulatedDisk } from './disk.ts';

/**
 * Flips one bit in a file whose reader must notice: a state, a manifest, or the older half of a journal's segment.
 * Undefined when there is none. The last batch of a journal is left alone: damage to it cannot be told from a write that
 * a power cut tore, and so would take away what this replica has promised.
 */
export function rotDisk(disk: SimulatedDisk, random: Random): string | undefined {
  const candidates = disk.files().flatMap((path) => {
    const bytes = disk.contents(path);
    const written = path.endsWith('.segment') ? Math.floor(writtenBytes(bytes) / 2) : bytes.length;
    return written < 64 ? [] : [{ path, written }];
  });
  if (candidates.length === 0) return undefined;
  const { path, written } = random.pick(candidates);
  const bit = random.below(8 * written);
  disk.flipBit(path, bit);
  return `bit ${bit} of ${path}`;
}

/** Behind the last byte that is not one of the zeros of the preallocation. */
function writtenBytes(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
