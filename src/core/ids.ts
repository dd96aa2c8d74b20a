/** Nominal typing for identifiers: a `Term` cannot be passed where an `Index` is meant. Costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** A member of the cluster: a positive integer below 2^53, derived once from the cluster and never reused. */
export type NodeId = Brand<number, 'NodeId'>;
/** A place in the total order. The first entry has index 1; 0 means "before everything". */
export type Index = Brand<number, 'Index'>;
/** Term, ballot, view or epoch of a protocol: rises with every change of leadership. */
export type Epoch = Brand<number, 'Epoch'>;
/** Milliseconds of a host's monotonic clock. Comparable on one host only. */
export type Millis = Brand<number, 'Millis'>;
/**
 * Milliseconds for which the cluster has been led, stamped into entries by leaders; never goes back, also not when
 * leadership moves, and stands still while there is no leader. Leases count in it.
 */
export type ClusterTime = Brand<number, 'ClusterTime'>;
/** Names a persist effect. Tokens rise; `durable(upTo)` covers all tokens up to and including its own. */
export type Token = Brand<number, 'Token'>;
/** Names a command within one start of one replica. */
export type CommandId = Brand<number, 'CommandId'>;
/** Names a read within one start of one replica. */
export type ReadId = Brand<number, 'ReadId'>;

export const nodeId = (value: number): NodeId => value as NodeId;
export const index = (value: number): Index => value as Index;
export const epoch = (value: number): Epoch => value as Epoch;
export const millis = (value: number): Millis => value as Millis;
export const clusterTime = (value: number): ClusterTime => value as ClusterTime;
export const token = (value: number): Token => value as Token;
export const commandId = (value: number): CommandId => value as CommandId;
export const readId = (value: number): ReadId => value as ReadId;
