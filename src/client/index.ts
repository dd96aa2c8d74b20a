/** A client of a cluster that speaks etcd v3, ours or etcd's own: see docs/client.md. Loads nothing native. */

export type { Bytes } from './bytes.ts';
export { Client } from './client.ts';
export { type ClientTls, type ConnectOptions, connect } from './connect.ts';
export type * from './coordination.ts';
export { Entry } from './entry.ts';
export { CoordinationError, codeOf, type ErrorCode, type Outcome } from './errors.ts';
export { op, when } from './operations.ts';
export type * from './recipes/index.ts';
