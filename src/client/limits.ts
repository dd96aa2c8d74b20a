/** Events, and bytes of keys and values, that wait in one watch for its reader; above it the server keeps the rest. */
export const maxWaitingEvents = 1_024;
export const maxWaitingBytes = 4 * 1024 * 1024;
