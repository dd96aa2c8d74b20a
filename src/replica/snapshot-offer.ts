import { decode, type Malformed, Writer } from '../core/codec.ts';
import { type Epoch, epoch } from '../core/ids.ts';
import { snapshotLoadBytes, storeReserveBytes } from '../core/limits.ts';
import { snapshotIdBytes } from '../storage/snapshot.ts';

/** What a receiver needs to know of a snapshot to decide about it: the header of the stream. */
export interface SnapshotOffer {
  readonly snapshotId: Uint8Array;
  /** In which the sender leads. */
  readonly epoch: Epoch;
  /** What the state takes on the sender's disk, roughly; rather more than the snapshot has. */
  readonly bytes: number;
}

export const encodeOffer = ({ snapshotId, epoch: at, bytes }: SnapshotOffer): Uint8Array =>
  new Writer(32).raw(snapshotId).uint(at).uint(bytes).finish();

/**
 * Room for the snapshot, for the state that is made of it while the present one stands, and for the transactions that make
 * it: no less than those ask for. The list of free pages and what is not in pages yet on the sender's side come to a
 * thirty-second at most.
 */
export const roomFor = ({ bytes }: SnapshotOffer): number =>
  2 * bytes + Math.ceil(bytes / 32) + snapshotLoadBytes + storeReserveBytes;

export const decodeOffer = (header: Uint8Array): SnapshotOffer | Malformed =>
  decode(header, (reader) => ({
    snapshotId: reader.raw(snapshotIdBytes).slice(),
    epoch: epoch(reader.uint()),
    bytes: reader.uint(),
  }));
