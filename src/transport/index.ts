// The TCP and TLS shells are imported by path: what is named here runs in the simulator too.
export type { BulkSink, IncomingBulk } from './bulk-receiver.ts';
export type { BulkOutcome, BulkPiece, BulkSource } from './bulk-sender.ts';
export { firstHostKind, frameBoundaries } from './framing.ts';
export { type Facts, type Purpose, type Reject, type RejectCode, reject, type Verdict } from './handshake.ts';
export type { PeerAddress } from './link.ts';
export type { Connection, ConnectionHandlers, Listener, Network } from './network.ts';
export { type PeerStatus, Peers, type PeersHandlers, type PeersOptions, type ProbeOutcome } from './peers.ts';
export type { PeerProblem } from './problems.ts';
