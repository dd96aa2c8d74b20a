import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { maxWaitingPasswords } from '../limits.ts';

/**
 * What is kept of a password: version (1), log2 N, r, p, salt, hash. The parameters are kept with each, so that raising
 * them leaves older ones valid. 2^15 x 8 takes 32 MiB and about a tenth of a second of one core for a guess.
 */
const version = 1;
const parameters = { logN: 15, r: 8, p: 1 } as const;
const headerBytes = 4;
const saltBytes = 16;
const hashBytes = 32;
const keptBytes = headerBytes + saltBytes + hashBytes;
const maxMemoryBytes = 2 ** 31;

/** There are so many passwords to look at already that this one would wait too long: nothing was done. */
export const tooManyPasswords = Symbol('too many passwords');

/**
 * Hashes and compares passwords, one at a time: each takes a thread of those that also sync the journal, for long. Those
 * that wait are bounded.
 */
export class Passwords {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Looked at instead of the password of a user who is not there, so that nobody can tell by the time it takes. */
  readonly #decoy = Uint8Array.of(
    version,
    parameters.logN,
    parameters.r,
    parameters.p,
    ...randomBytes(saltBytes + hashBytes),
  );

  /** What to keep of a password. */
  async hash(password: string): Promise<Uint8Array | typeof tooManyPasswords> {
    const salt = randomBytes(saltBytes);
    const hash = await this.#inTurn(() => derive(password, salt, parameters));
    if (hash === tooManyPasswords) return hash;
    return Uint8Array.of(version, parameters.logN, parameters.r, parameters.p, ...salt, ...hash);
  }

  /** Whether it is the password of which this was kept. Takes as long when nothing was kept, or nothing that matches any. */
  async matches(password: string, kept: Uint8Array | undefined): Promise<boolean | typeof tooManyPasswords> {
    const known = kept !== undefined && kept.length === keptBytes && kept[0] === version;
    const bytes = known ? kept : this.#decoy;
    const [, logN = 0, r = 0, p = 0] = bytes;
    const salt = bytes.subarray(headerBytes, headerBytes + saltBytes);
    const hash = await this.#inTurn(() => derive(password, salt, { logN, r, p }));
    if (hash === tooManyPasswords) return hash;
    return timingSafeEqual(hash, bytes.subarray(headerBytes + saltBytes)) && known;
  }

  #inTurn(work: () => Promise<Buffer>): Promise<Buffer | typeof tooManyPasswords> {
    if (this.#waiting >= maxWaitingPasswords) return Promise.resolve(tooManyPasswords);
    this.#waiting++;
    const done = this.#last.then(work).finally(() => {
      this.#waiting--;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function derive(
  password: string,
  salt: Uint8Array,
  { logN, r, p }: { readonly logN: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: maxMemoryBytes };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}
