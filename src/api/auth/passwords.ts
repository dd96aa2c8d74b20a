import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Call } from '../rpc/rpc.ts';
import { PasswordQueue, type PasswordTurn, type Unhashed } from './password-queue.ts';

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

/** On whose behalf a password is looked at: turns are shared out by `user`, and lost when `call` is abandoned. */
export interface PasswordWork {
  readonly user: string;
  readonly call: Pick<Call, 'cancelled' | 'remainingMs'>;
}

/** Hashes and compares passwords, a few at a time. */
export class Passwords {
  readonly #queue = new PasswordQueue();
  /** Looked at instead of the password of a user who is not there, so that nobody can tell by the time it takes. */
  readonly #decoy = Uint8Array.of(
    version,
    parameters.logN,
    parameters.r,
    parameters.p,
    ...randomBytes(saltBytes + hashBytes),
  );

  /** What to keep of a password. */
  async hash(password: string, work: PasswordWork): Promise<Uint8Array | Unhashed> {
    const salt = randomBytes(saltBytes);
    const hash = await this.#queue.run(turnOf(work), () => derive(password, salt, parameters));
    if (typeof hash === 'symbol') return hash;
    return Uint8Array.of(version, parameters.logN, parameters.r, parameters.p, ...salt, ...hash);
  }

  /** Whether it is the password of which this was kept. Takes as long when nothing was kept, or nothing that matches any. */
  async matches(
    password: string,
    kept: Uint8Array | undefined,
    work: PasswordWork,
  ): Promise<boolean | Unhashed> {
    const known = isPassword(kept);
    const bytes = known ? kept : this.#decoy;
    const [, logN = 0, r = 0, p = 0] = bytes;
    const salt = bytes.subarray(headerBytes, headerBytes + saltBytes);
    const hash = await this.#queue.run(turnOf(work), () => derive(password, salt, { logN, r, p }));
    if (typeof hash === 'symbol') return hash;
    return timingSafeEqual(hash, bytes.subarray(headerBytes + saltBytes)) && known;
  }
}

/** Whether what was kept matches any password at all. */
export const isPassword = (kept: Uint8Array | undefined): kept is Uint8Array =>
  kept !== undefined && kept.length === keptBytes && kept[0] === version;

const turnOf = ({ user, call }: PasswordWork): PasswordTurn => ({
  user,
  isAbandoned: () => call.cancelled || call.remainingMs() === 0,
});

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
