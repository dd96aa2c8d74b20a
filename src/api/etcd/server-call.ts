import type { Call } from '../rpc/rpc.ts';

/** Of the server itself, on nobody's behalf: what is asked with it has been permitted before. */
export const serverCall: Call = {
  method: '',
  metadata: () => undefined,
  remainingMs: () => undefined,
  cancelled: false,
  certificateName: undefined,
};
