import { type Callback, type Disk, DiskError } from './disk.ts';

/** To be called once, when the room was taken or is not needed any more. */
export type Claim = () => void;

/**
 * Bytes of each disk that somebody looked for and found, and may not have taken yet: the journal and the state share a disk, and
 * the same free bytes must not be found by both.
 */
const claimed = new WeakMap<Disk, number>();

/**
 * Calls back when `bytes` are free besides `reserve` and what others have claimed; nobody else gets them until the claim is
 * ended. `purpose` completes "no room". What a claim has taken already is counted twice until it ends: then
 * somebody may be told too early that the disk is full, and looks again.
 */
export function claimRoom(
  disk: Disk,
  path: string,
  purpose: string,
  { bytes, reserve }: { readonly bytes: number; readonly reserve: number },
  callback: Callback<Claim>,
): void {
  disk.free((error, free) => {
    if (error !== undefined) return callback(error, undefined);
    const others = claimed.get(disk) ?? 0;
    const needed = bytes + reserve + others;
    if (free < needed)
      return callback(noRoom(path, purpose, needed, `${free} free`, needed - free), undefined);
    claimed.set(disk, others + bytes);
    callback(undefined, () => {
      claimed.set(disk, (claimed.get(disk) ?? bytes) - bytes);
    });
  });
}

/** Somebody else was faster. */
export const tooLate = (path: string, purpose: string, bytes: number): DiskError =>
  noRoom(path, purpose, bytes, 'and not so many left');

const noRoom = (
  path: string,
  purpose: string,
  needed: number,
  finding: string,
  missing?: number,
): DiskError =>
  new DiskError('full', path, `no room ${purpose}: ${needed} bytes needed, ${finding}`, missing);
