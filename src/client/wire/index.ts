export { Calls, type CallsOptions } from './calls.ts';
export type { ServerAddress, TlsOptions } from './connection.ts';
export type { Obstacle } from './diagnosis.ts';
export { ClientFailure, type FailureType } from './failure.ts';
export { deleteRequest, prefixEnd, putRequest, rangeRequest, withoutEnd } from './requests.ts';
