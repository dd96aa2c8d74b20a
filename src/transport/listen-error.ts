import { formatAddress, type HostPort } from './address.ts';

/** Why a port could not be opened; nothing is listening. The message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** `ADDRESS_INVALID`: not an address of this machine, or none at all. */
export type ListenErrorCode = 'ADDRESS_IN_USE' | 'ADDRESS_DENIED' | 'ADDRESS_INVALID';

/** What a server that could not listen at `address` reported. */
export function listenError(address: HostPort, error: NodeJS.ErrnoException): ListenError {
  const code = codes[error.code ?? ''] ?? 'ADDRESS_INVALID';
  const cause = causes[error.code ?? ''] ?? error.message;
  return new ListenError(code, `cannot listen on ${formatAddress(address)}: ${cause}`);
}

const codes: Readonly<Record<string, ListenErrorCode>> = {
  EADDRINUSE: 'ADDRESS_IN_USE',
  EACCES: 'ADDRESS_DENIED',
};

const causes: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop what listens there or choose another one',
  EADDRNOTAVAIL: 'this machine does not have that address; use one of its own, or 0.0.0.0 for all',
  EACCES: 'not permitted; ports below 1024 need privileges',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up; check the name service',
};
