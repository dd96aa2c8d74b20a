/**
 * Limits of the client port. Documented where they bind; all of them refuse, none of them queues.
 */

/** The largest request, as in etcd: larger ones are refused with "request is too large". */
export const maxRequestBytes = 1536 * 1024;
/** The largest gRPC message taken from a client: a request and what the protocol puts around it. */
export const maxRpcMessageBytes = maxRequestBytes + 512 * 1024;
/** Bytes of requests that have begun but are not complete, over all connections. */
export const maxPendingRequestBytes = 256 * 1024 * 1024;
/** Bytes of requests that have begun but are not complete, over one HTTP/2 connection. */
export const maxPendingConnectionBytes = 64 * 1024 * 1024;
/** A request over HTTP/2, and each message of a stream, must be complete within this time of its beginning, in ms. */
export const requestArrivalTimeoutMs = 30_000;
/** How often a watcher who wants to know is told how far his watch has come, unless told otherwise, as in etcd; up to a tenth later. */
export const defaultProgressIntervalMs = 600_000;
/** The least that may be asked for. */
export const minProgressIntervalMs = 100;
/** Events are cut into pieces of so many bytes for watchers who ask for fragments, unless one event alone is larger. */
export const watchFragmentBytes = maxRequestBytes;
/** What one revision, told in one message, may take; a watcher who has not asked for fragments cannot be told a larger one. */
export const maxWatchMessageBytes = 256 * 1024 * 1024;
/** Bytes that wait for watchers who do not read, over all connections; beyond it, watchers are told nothing until some have read. */
export const maxUnreadWatchBytes = 256 * 1024 * 1024;
/** Watchers who have read nothing for so long, in ms, are sent away when that is what others wait for. */
export const unreadWatchPatienceMs = 10_000;
/**
 * Bytes of answers that the client of one connection, or all clients over HTTP/1.1 together, have not read, above which its further calls wait; and above which
 * calls that had begun before are answered by a failure that leaves their outcome open.
 */
export const unreadAnswerBytesAtRest = 16 * 1024 * 1024;
export const maxUnreadAnswerBytes = 128 * 1024 * 1024;
/** An HTTP/1.1 connection whose client has read nothing of an answer for so long, in ms, is closed. */
export const unreadAnswerPatienceMs = 30_000;
/** Calls under way on one connection; more wait in the client. */
export const maxStreamsPerConnection = 4096;
/** Memory of one HTTP/2 connection, in MiB, above which it gets no further calls; those under way may exceed it. */
export const maxSessionMebibytes = 64;
/** What a client may send ahead on one call, and on one connection. */
export const http2StreamWindowBytes = 1024 * 1024;
export const http2ConnectionWindowBytes = 4 * 1024 * 1024;
/** How long a client may take to read the end of a call that the server has ended, and to end its own side, in ms; then the call is reset. */
export const lingerMs = 5_000;
/** Connections on the client port; beyond it new ones are closed at once. */
export const maxConnections = 16 * 1024;
/** A connection that has not said within this time what it speaks is closed. */
export const firstBytesTimeoutMs = 10_000;
/** An HTTP/1.1 request must be complete within this time of the connection, or of the answer before it. */
export const httpRequestTimeoutMs = 15_000;
/** Body of a plain HTTP request: base64 of the largest message, and the JSON around it. */
export const maxHttpBodyBytes = 2 * maxRpcMessageBytes;
/** How deep transactions may nest; etcd's bound on operations, 128 in all, allows no more either. */
export const maxTxnDepth = 128;
/** Bytes of one message of a snapshot stream, as in etcd. */
export const snapshotChunkBytes = 32 * 1024;
/** How long a request waits for the cluster, as in etcd: 5 s and two election timeouts. A client may wait less. */
export const requestTimeoutMs = 7_000;
/** How long there may be no leader before streams end whose clients require one, in ms: three election timeouts of etcd. */
export const leaderlessGraceMs = 3_000;
/** How often a watched health status is looked at. */
export const healthWatchIntervalMs = 1_000;
/** How long a health check waits for a read. */
export const healthCheckTimeoutMs = 5_000;
/** How often a call that waits for its turn is looked at: whether anybody still waits for it. */
export const abandonedCallCheckMs = 250;
/** Seconds that a lease has which the server grants on behalf of a lock or a candidate, as in etcd. */
export const sessionLeaseTtlSeconds = 60;
/**
 * The shortest time to live of a lease, in seconds; shorter ones are raised to it. One and a half election timeouts, as in
 * etcd, so that a change of the leader ends no lease that is renewed in time.
 */
export const minLeaseTtlSeconds = 2;
/** Keep-alives that have arrived and wait for the ones under way; more are refused. */
export const maxWaitingRenewals = 262_144;
/** Keep-alives of one stream that are not answered yet; more wait in the client. */
export const maxRenewalsPerStream = 1024;
/** Passwords that are being hashed or compared: each takes one of the four threads that also sync the journal. */
export const maxPasswordsAtOnce = 2;
/** Passwords that wait for it; of more, those of the user with the most waiting are refused. */
export const maxWaitingPasswords = 64;
/** Tokens whose seal or signature need not be checked again; the one that was not used for longest makes room. */
export const maxRememberedTokens = 16_384;
/** Bytes that the state may use unless --quota-backend-bytes says otherwise, as in etcd. */
export const defaultQuotaBytes = 2 * 1024 * 1024 * 1024;
/** How often the space in use is looked at while there are writes. */
export const quotaSampleMs = 250;
/** How often history is looked at for automatic compaction, at least. */
export const maxCompactionIntervalMs = 5 * 60 * 1000;
/** Leases that one slice of a list of them passes, so that it holds the event loop for a few milliseconds. */
export const leasesSlice = 1000;
