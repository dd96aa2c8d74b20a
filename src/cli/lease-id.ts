import { InvalidArgumentError } from 'commander';

const maxLeaseId = 2n ** 63n - 1n;

/** As etcd's tools write it: hexadecimal. */
export function parseLeaseId(text: string): bigint {
  const id = /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : 0n;
  if (id === 0n || id > maxLeaseId) {
    throw new InvalidArgumentError(
      'It must be the id of a lease, in hexadecimal as "quorate lease list" shows it.',
    );
  }
  return id;
}

/** Whole seconds, as servers count the time to live. */
export function parseTtl(text: string): number {
  const seconds = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (seconds === 0 || seconds > 9_000_000_000) {
    throw new InvalidArgumentError('It must be a whole number of seconds, from 1 to 9000000000.');
  }
  return seconds;
}
