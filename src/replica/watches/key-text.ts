/**
 * The same bytes as a text, one character for each: texts compare like the bytes do, and cost less memory and time than
 * arrays of bytes.
 */
export const keyText = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
