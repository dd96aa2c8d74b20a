import { CoordinationError } from './errors.ts';

/** A key or a value. Text stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array;

const encoder = new TextEncoder();

/** Throws `CoordinationError` with code `invalid` for what programs without types hand in instead. */
export function bytesOf(bytes: Bytes): Uint8Array {
  if (typeof bytes === 'string') return encoder.encode(bytes);
  if (bytes instanceof Uint8Array) return bytes;
  throw new CoordinationError(
    'invalid',
    'refused',
    `keys and values are text or a Uint8Array, not of type ${typeof bytes}; nothing was sent`,
  );
}
