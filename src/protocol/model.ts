import type { Writer } from '../core/codec.ts';
import type { Epoch, NodeId } from '../core/ids.ts';
import type { JournalRecord, Message, Protocol } from './contract.ts';
import type { ProtocolDefinition, ProtocolOptions, Timing } from './definition.ts';

/** Gives each replica another number: what follows from one numbering follows from every other. */
export type Rename = (id: NodeId) => number;

/**
 * A protocol as one that visits every reachable state sees it. Two states that are written alike behave alike from there
 * on, so what is written leaves out all that only looks different: times, counters of starts and writes, random draws.
 */
export interface ExplorationModel<M extends Message = Message> {
  readonly definition: Pick<ProtocolDefinition<M>, 'encodeMessage' | 'decodeMessage' | 'describeMessage'>;
  readonly timing: Timing;
  /** The protocol, but for rules that only make something less likely: what is safe without them is safe with them. */
  create(options: ProtocolOptions): Protocol<M>;
  writeState(writer: Writer, protocol: Protocol<M>, rename: Rename): void;
  writeMessage(writer: Writer, message: M, rename: Rename): void;
  /** What a start would find: records in the order of writing. */
  writeJournal(writer: Writer, records: readonly JournalRecord[], rename: Rename): void;
  /** Records that are to be added to a journal. */
  writeRecords(writer: Writer, records: readonly JournalRecord[], rename: Rename): void;
  /** Whether `message` means nothing any more, to nobody and whatever becomes of its two ends within `bounds`. */
  isSpent(message: M, receiver: Protocol<M>, sender: Protocol<M>, bounds: Bounds): boolean;
  /**
   * Whether nothing that the replica says before its last write is durable lets anybody take that write for durable; if a crash
   * is possible, nothing that it says before then even depends on the write.
   */
  keepsSilent(protocol: Protocol<M>, bounds: Bounds): boolean;
  view(protocol: Protocol<M>): ReplicaView;
  /** The epoch of each entry that is in a journal; nothing is at index 0. Throws what the protocol throws at its start. */
  durableEpochs(records: readonly JournalRecord[]): readonly (Epoch | undefined)[];
}

/** What can still happen. */
export interface Bounds {
  /** Nobody ever leaves this epoch for a later one. */
  readonly lastEpoch: number;
  readonly mayCrash: boolean;
}

/** What the properties that hold between replicas speak of. */
export interface ReplicaView {
  readonly epoch: Epoch;
  readonly leads: boolean;
  /** The epoch of each entry in the log; nothing is at index 0. */
  readonly log: readonly (Epoch | undefined)[];
}
