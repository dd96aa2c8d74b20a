
// Transport: what passes between replicas.

/** Payload of one frame between replicas, in bytes. Above it the connection is dropped. */
export const maxFrameBytes = 8 * 1024 * 1024;
/** Payload of a frame from someone who has not said yet who he is. */
export const maxHandshakeBytes = 16 * 1024;
/** Bytes that wait for one peer above what its connection has taken; more is dropped, which protocols tolerate. */
export const maxPeerQueueBytes = 16 * 1024 * 1024;
/** Bytes that a connection takes before it is called congested. */
export const connectionHighWaterBytes = 256 * 1024;
/** Inbound connections that have not yet said who they are; beyond it the oldest is dropped. */
export const maxUnidentifiedConnections = 64;
/** Inbound connections of all kinds on one listener; beyond it new ones are dropped. */
export const maxInboundConnections = 1024;
/** Bulk streams that one replica receives at a time. */
export const maxInboundBulkStreams = 4;
/** Bytes of one chunk of a bulk stream. */
export const maxBulkChunkBytes = 256 * 1024;

// Machine: what the replicated layer and the key space keep.

/** Commands of one session that may be outstanding: sequences in [acknowledgedBelow, acknowledgedBelow + this). */
export const sessionWindow = 4096;
/** A result above this many bytes is not kept for repeated commands: they are told that it ran and what it said is lost. */
export const maxKeptResultBytes = 1024;
/** Openers of sessions, and members that publish: as many replicas as one cluster may ever have had. */
export const maxReplicasEver = 4096;
/** Client addresses that one member publishes, and the UTF-16 units of each. */
export const maxPublishedAddresses = 16;
export const maxPublishedAddressLength = 256;
/** Operations in a transaction: the larger of comparisons and either branch. What one level uses, those inside it lack. */
export const maxTxnOperations = 128;
/** Comparisons and operations of a transaction and of all transactions inside it. */
export const maxTxnOperationsInAll = 4096;
/** Keys that one slice of a long range visits, so that it holds the event loop for a few milliseconds. */
export const rangeSliceKeys = 1000;
