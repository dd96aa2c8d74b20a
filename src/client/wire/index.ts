export { Calls, type CallsOptions } from './calls.ts';
export type { Obstacle } from './diagnosis.ts';
export { ClientFailure, type FailureType } from './failure.ts';
export type { Credentials } from './identity.ts';
export { type Method, methods } from './methods.ts';
export type { CallKind } from './outcome.ts';
export { deleteRequest, prefixEnd, putRequest, rangeRequest, withoutEnd } from './requests.ts';
export type { ServerAddress, TlsOptions } from './server-address.ts';
