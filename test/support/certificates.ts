import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Whether certificates can be made here; where they must be (CI), a missing openssl is an error. */
export function opensslPresent(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write('left out: tests of TLS, because openssl is missing (apt install openssl)\n');
    return false;
  }
}

/** An authority in `directory`, signed by itself. */
export function makeAuthority(directory: string, name: string): Certificate {
  const file = (suffix: string): string => join(directory, `${name}.${suffix}`);
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    file('key'),
    '-out',
    file('crt'),
  );
  return read(file('crt'), file('key'));
}

/** A certificate for `127.0.0.1` and `localhost`, or for `names`, signed by `authority`. */
export function makeCertificate(
  directory: string,
  name: string,
  authority: Certificate,
  names = 'IP:127.0.0.1,DNS:localhost',
): Certificate {
  const file = (suffix: string): string => join(directory, `${name}.${suffix}`);
  openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr'));
  writeFileSync(file('ext'), `subjectAltName=${names}\n`);
  const signer = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    file('csr'),
    ...signer,
    '-days',
    '2',
    '-extfile',
    file('ext'),
    '-out',
    file('crt'),
  );
  return read(file('crt'), file('key'));
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

const read = (certFile: string, keyFile: string): Certificate => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
  certFile,
  keyFile,
});
