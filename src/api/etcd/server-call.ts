import type { Call } from '../rpc/rpc.ts';

const unnamed: Call = {
  method: '',
  metadata: () => undefined,
  remainingMs: () => undefined,
  cancelled: false,
  certificateName: undefined,
};

/** Of the server itself: what is ordered with it is its own matter, or was permitted before. */
export const serverCall: Call = { ...unnamed };

/** Of clients who were not asked who they are, since users are not asked for. */
export const nobodysCall: Call = { ...unnamed };
