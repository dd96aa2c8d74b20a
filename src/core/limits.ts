import { assert } from './assert.ts';

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
/** Bytes of a bulk stream sent before the event loop gets its turn, unless one chunk is larger. */
export const bulkSliceBytes = 256 * 1024;

// Machine: what the replicated layer and the key space keep.

/** Commands of one session that may be outstanding: sequences in [acknowledgedBelow, acknowledgedBelow + this). */
export const sessionWindow = 4096;
/** A result above this many bytes is not kept for repeated commands: they are told that it ran and what it said is lost. */
export const maxKeptResultBytes = 1024;
/** Openers of sessions, and members that publish: as many replicas as one cluster may ever have had. */
export const maxReplicasEver = 4096;
/** Learners that were not added in order to vote: each costs the leader as much as a voter. */
export const maxLearners = 1;
/** Client addresses that one member publishes, and the UTF-16 units of each. */
export const maxPublishedAddresses = 16;
export const maxPublishedAddressLength = 256;
/** Operations in a transaction: the larger of comparisons and either branch. What one level uses, those inside it lack. */
export const maxTxnOperations = 128;
/** Comparisons and operations of a transaction and of all transactions inside it. */
export const maxTxnOperationsInAll = 4096;
/**
 * Bytes of pairs in the answer to one transaction, or to one delete: every replica makes it while it applies, so it is
 * bounded like a command. Ranges on their own are answered in slices, by one replica.
 */
export const maxTxnAnswerBytes = 16 * 1024 * 1024;
/** Keys, and bytes of records, that one slice of a long read passes, so that it holds the event loop for a few milliseconds. */
export const rangeSliceKeys = 1000;
export const rangeSliceBytes = 256 * 1024;
/** Seconds for which a lease may be granted. */
export const maxLeaseTtl = 9_000_000_000;
/** Leases that one command renews. */
export const maxRenewals = 2048;
/** Leases that one command finds due and expires or files again, and their keys, unless one lease alone has more. */
export const expireSliceLeases = 128;
export const expireSliceKeys = 1024;
/** Writes of the past that one step of giving space back looks at: a few milliseconds on every replica. */
export const sweepSliceWrites = 256;
/** Alarms that stand, of members that were removed included; more are refused. */
export const maxAlarms = 128;
/** Users, roles, roles that one user holds, and permissions of one role: a check of a command looks at the last two. */
export const maxUsers = 10_000;
export const maxRoles = 10_000;
export const maxRolesOfUser = 64;
export const maxPermissionsOfRole = 1024;
/** Bytes of the bounds of all permissions of one role: its record holds them up to three times. */
export const maxPermissionBytesOfRole = 1024 * 1024;
/** Bytes of the name of a user or a role, and of what is kept of a password. */
export const maxAuthNameBytes = 1024;
export const maxPasswordHashBytes = 256;

// Replicated log: what a protocol keeps and sends.

/** Bytes of one command, its envelope included; refused above. */
export const maxCommandBytes = 4 * 1024 * 1024;
/** Bytes of entries in one message of replication, unless the first entry alone is larger. */
export const maxAppendBytes = 1024 * 1024;
/** Messages with entries, and their bytes, that one peer has not acknowledged yet. */
export const maxInflightAppends = 256;
export const maxInflightBytes = 8 * 1024 * 1024;
/** Entries, and their bytes, that a leader has taken and not yet committed; commands above are refused as `overloaded`. */
export const maxUncommittedEntries = 65_536;
export const maxUncommittedBytes = 64 * 1024 * 1024;
/** Replicas that are spoken with although the configuration known here does not name them. */
export const maxGuests = 16;
/** One of these with whom there was no link at two looks in a row, so many ms apart, is spoken with no more. */
export const guestLookMs = 30_000;
/** For so long, in ms, a removed member keeps its links, so that it hears of its removal. */
export const removedLinkMs = 3_000;
/** Changes of membership that one replica is asked for at a time. */
export const maxPendingChanges = 64;
/** Entries that a learner may lack when it is made a voter on demand. */
export const maxPromotionLag = 10_000;
/** Reads that wait for their confirmation; more are refused as `overloaded`. */
export const maxPendingReads = 65_536;
/** Rounds of read confirmation under way; later reads gather for the next. */
export const maxReadRounds = 4;
/** Entries, and their bytes, kept behind the durable state for peers that are a little late. */
export const maxLogTailEntries = 10_000;
export const maxLogTailBytes = 16 * 1024 * 1024;
/** The log is cut in steps of at least this many entries. */
export const logCompactionStride = 1_000;
/** Bytes committed since the state was last made durable, after which the protocol asks for it. */
export const checkpointLogBytes = 16 * 1024 * 1024;
/** Bytes of log in memory above which nothing is added until the state was made durable. */
export const maxLogBytes = 256 * 1024 * 1024;

// Store: what a back end holds, and how far it may run ahead of its disk.

/** Bytes of a key in the store, 1 to this. LMDB keeps keys of up to 4026 bytes in pages of 8 KiB. */
export const maxStoreKeyBytes = 4000;
/** Bytes of a value in the store. */
export const maxStoreValueBytes = 16 * 1024 * 1024;
/** Pairs, and their bytes, that go to disk in one transaction, and what the entry that reaches one of them adds. */
export const maxGenerationPairs = 2048;
export const maxGenerationBytes = 4 * 1024 * 1024;
/** What an entry of the store costs in memory besides its bytes, roughly. */
export const storePairOverheadBytes = 96;
/** Bytes applied and not yet durable above which a host holds new commands back until the store has caught up. */
export const maxPendingStoreBytes = 64 * 1024 * 1024;
/** Pairs that were read lately and are kept at hand, a power of two, and the bytes of their values. */
export const recentPairs = 512;
export const maxRecentValueBytes = 1024;
/** Bytes that are read or written between two turns of the event loop. */
export const storeSliceBytes = 256 * 1024;
/** Room on the disk that is left to others when the state is written, so that they find some meanwhile. */
export const storeReserveBytes = 4 * 1024 * 1024;
/** Room that loading a snapshot takes besides the snapshot and the state that it becomes: what its transactions may add at worst. */
export const snapshotLoadBytes = 8 * 1024 * 1024;
/** Bytes of pairs in one frame of a snapshot, unless a single pair is larger. */
export const snapshotFrameBytes = 64 * 1024;

// Journal: what the write-ahead log takes at once.

/** Bytes of a preallocated segment of the journal, unless told otherwise. */
export const journalSegmentBytes = 16 * 1024 * 1024;
/** The end of the last segment of a full disk, kept for terms, votes and compaction; a quarter of smaller segments. */
export const journalReserveBytes = 256 * 1024;
/** Bytes of one batch of the journal, unless one append alone is larger. */
export const maxJournalBatchBytes = 4 * 1024 * 1024;
/** Milliseconds between two looks at a full disk. */
export const fullDiskCheckInterval = 1_000;

// Driver: what one replica takes on.

/** What a session adds to a command, in bytes, at most. */
export const maxEnvelopeBytes = 64;
/** Commands that wait at one replica, in bytes; more are refused as `overloaded`. */
export const maxOutstandingBytes = 64 * 1024 * 1024;
/** Linearizable reads that wait at one replica; more are refused as `overloaded`. */
export const maxWaitingReads = 16_384;
/** Committed entries applied before the event loop gets its turn, and for how long at most, in ms. */
export const applySliceEntries = 128;
export const applySliceMs = 5;
/** Applied entries that are kept in memory until they are let go of together, while others wait behind them. */
export const maxAppliedKept = 4096;
/** Reads served before the event loop gets its turn: each is answered at once, which costs more than the read. */
export const serveSliceReads = 128;
/** How often to look for commands and reads whose time is up, in ms. */
export const sweepIntervalMs = 100;
/** A submission that has shown no effect for so long, in ms, may have been lost: it is made again, then less often. */
export const resubmitMs = 1_000;
/** Commands forwarded in one frame, in bytes of payload; one command may be larger. */
export const maxForwardBytes = 1024 * 1024;
/** Bytes put into the store since it was last made durable, after which it is. */
export const flushPendingBytes = 4 * 1024 * 1024;
/** The state is made durable this often, in ms, when anything changed: bounds what a restart has to apply again. */
export const flushIntervalMs = 30_000;
/** How often a replica looks after its store and its snapshots, in ms. */
export const upkeepIntervalMs = 500;
/** How long a stopping replica waits for its commands and for a new leader, in ms. */
export const stopTimeoutMs = 3_000;
/** How long a command or read may take when the caller does not say, in ms. */
export const defaultTimeoutMs = 5_000;
/** How often a leader looks for what the machine has it do by itself, in ms: leases end that much late, or a little more. */
export const dutyIntervalMs = 100;
/**
 * A leader that did not get to look for so long, in ms, or whose entries took so long, may have missed keep-alives: it
 * extends all leases before it ends any.
 */
export const dutyStallMs = 300;
/** How long a leader waits after the second failure in a row to send a snapshot, in ms; twice as long each time, up to: */
export const snapshotRetryMs = 1_000;
export const maxSnapshotRetryMs = 60_000;
/** How long the state of a broken snapshot stream stays pinned for another attempt, in ms. */
export const snapshotResumeMs = 30_000;

// Watches: what one replica tells those who watch it.

/** Watches of one stream, and of all streams of a replica; more are refused. */
export const maxWatchesPerStream = 100_000;
export const maxWatches = 1_000_000;
/** Events, and bytes of values, that are gathered before they are told; a revision that alone has more is told whole. */
export const maxWatchRoundEvents = 10_000;
export const maxWatchRoundBytes = 1024 * 1024;
/** Watches that catch up together, and the revisions that they go over at a time. */
export const watchPassWatches = 512;
export const watchPassRevisions = 1_000;
/** How long telling may hold the event loop, in ms, and how many deliveries are made between two looks at the clock. */
export const watchSliceMs = 5;
export const watchDeliveriesPerSlice = 32;

// Client: what a program holds that uses `quorate/client`.

/** Events, and bytes of their pairs, that wait for the reader of one watch; above it the server keeps the rest until there is room. */
export const maxWaitingWatchEvents = 1024;
export const maxWaitingWatchBytes = 4 * 1024 * 1024;

// What must hold between them.

assert(maxHandshakeBytes < maxFrameBytes, 'a hello fits a frame');
assert(maxBulkChunkBytes < maxFrameBytes, 'a chunk fits a frame');
assert(maxAppendBytes + maxCommandBytes < maxFrameBytes, 'an append with one large entry fits a frame');
assert(maxForwardBytes + maxCommandBytes < maxFrameBytes, 'forwarded commands fit a frame');
assert(maxCommandBytes - maxEnvelopeBytes <= maxOutstandingBytes, 'any command can wait');
assert(maxFrameBytes <= maxPeerQueueBytes, 'any frame can be queued');
assert(maxAppendBytes <= maxInflightBytes, 'a full append may be under way');
assert(maxCommandBytes <= maxUncommittedBytes, 'any command can be taken');
assert(maxCommandBytes <= maxStoreValueBytes, 'what a command writes fits the store');
assert(
  3 * (maxPermissionBytesOfRole + 16 * maxPermissionsOfRole) <= maxStoreValueBytes,
  'any role fits the store, however its permissions overlap',
);
assert(
  maxRolesOfUser * (maxAuthNameBytes + 8) + maxPasswordHashBytes + 32 <= maxStoreValueBytes,
  'any user fits the store',
);
assert(sessionWindow <= maxUncommittedEntries, 'one replica can use its window');
assert(maxPromotionLag <= maxLogTailEntries, 'who is promoted needs no snapshot for what it lacks');
assert(maxUncommittedBytes + maxLogTailBytes + checkpointLogBytes < maxLogBytes, 'a log in use is not full');
assert(flushPendingBytes < maxPendingStoreBytes, 'the state is flushed before commands are held back');
assert(2 * dutyIntervalMs < dutyStallMs, 'looking now and then is no stall');
assert((recentPairs & (recentPairs - 1)) === 0, 'a place is some bits of a hash');
assert(maxGenerationBytes < maxPendingStoreBytes, 'a generation is not held back by itself');
assert(4 * journalReserveBytes <= journalSegmentBytes, 'the reserve leaves room for entries');
