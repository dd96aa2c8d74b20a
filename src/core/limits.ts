
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
