import type { Malformed } from '../core/codec.ts';
import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Message, Protocol } from './contract.ts';

/** What a protocol promises and needs. One suite runs every protocol by this record; hosts refuse what they cannot do. */
export interface Capabilities {
  readonly faultModel: 'crash-stop' | 'crash-recovery' | 'byzantine';
  /** The smallest cluster that survives `f` faults. */
  readonly minimumReplicas: (f: number) => number;
  readonly orders: 'total' | 'none';
  readonly consistency: 'linearizable' | 'sequential' | 'regular' | 'eventual' | 'k-confirmed';
  /** `instant`: every commit is final at once, and `final` and `rollback` are never emitted. */
  readonly finality: 'instant' | 'watermark' | 'probabilistic';
  readonly blockedBy: string;
  readonly reads: readonly ('linearizable' | 'local')[];
  readonly reconfiguration: 'none' | 'single-step' | 'joint';
}

export interface ProtocolOptions {
  readonly self: NodeId;
  /** Own stream; seeded from the member's id, so that equal seeds cannot lead to equal timeouts. */
  readonly random: Random;
  readonly timing: Timing;
  /** What stays of the log; that of a server unless told. */
  readonly retention?: Retention;
  /** Bytes of entries in one message, unless the first alone is larger; as on a server unless told. */
  readonly maxAppendBytes?: number;
  /**
   * Serve linearizable reads without asking anybody, as long as clocks are as good as this says, and let others do so. Members
   * with and without it, and with different timing, may meet: nobody relies on what another one has not promised.
   */
  readonly leaseReads?: LeaseReads;
  /**
   * The quorum is lost for good: what this replica holds counts as agreed, and it goes on as the only member. What the
   * others acknowledged without it is lost; to be started in a new cluster only, which the others cannot join. The log goes
   * on with one entry of kind `configuration` in the epoch in which it ended, and then in a new epoch.
   */
  readonly alone?: boolean;
}

/** What lease reads assume of clocks. Where it does not hold, a read may miss a write that was acknowledged. */
export interface LeaseReads {
  /**
   * By how much, in parts of a million, the clocks of two members may run apart in rate. A clock that stands still while
   * the machine is suspended is not one of these.
   */
  readonly maxDriftPpm: number;
}

/** How much of the log a protocol keeps in front of the state that its host has made durable. */
export interface Retention {
  /** Entries, and their bytes, for peers that are a little late. */
  readonly tailEntries: number;
  readonly tailBytes: number;
  /** The log is cut in steps of at least this many entries. */
  readonly stride: number;
  /** Bytes committed since the state was last made durable, after which the protocol asks for it. */
  readonly checkpointBytes: number;
}

/** In milliseconds. An unled cluster notices within `electionTimeout` to twice that. */
export interface Timing {
  readonly heartbeatInterval: number;
  readonly electionTimeout: number;
}

/** A protocol as the registry knows it: everything a host needs without knowing which protocol it is. */
export interface ProtocolDefinition<M extends Message = Message> {
  readonly name: string;
  /** Version of messages and records. */
  readonly formatVersion: number;
  readonly capabilities: Capabilities;
  create(options: ProtocolOptions): Protocol<M>;
  encodeMessage(message: M): Uint8Array;
  decodeMessage(bytes: Uint8Array): M | Malformed;
  /** One readable line, for traces, scenarios and pictures. */
  describeMessage(message: M): string;
}
