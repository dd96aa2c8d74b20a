import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ServerAddress, TlsOptions } from './server-address.ts';

/**
 * What keeps a connection from working although something listens there.
 *
 * - `tlsDemanded`: the port speaks TLS, and we did not.
 * - `noTls`: we spoke TLS, and the port does not.
 * - `untrusted`: the server's certificate is signed by nobody that we trust.
 * - `certificateDemanded`: the server wants a client certificate that it trusts.
 * - `foreign`: what listens there is no client port of a server.
 */
export type Obstacle = 'tlsDemanded' | 'noTls' | 'untrusted' | 'certificateDemanded' | 'foreign';

/** HTTP/2's opening words and an empty SETTINGS frame: a server answers with SETTINGS of its own. */
const http2Opening = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const settingsFrame = 4;

/** OpenSSL's and our own server's ways to say that a peer does not speak TLS; the texts differ between versions. */
const notTls =
  /wrong.version.number|packet.length.too.long|alert.protocol.version|http.request|unknown.protocol/i;
const certificateWanted =
  /certificate.required|bad.certificate|alert.unknown.ca|alert.handshake.failure|certificate.unknown/i;
const untrustedCodes =
  /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|CERT_UNTRUSTED/;

/** Dials once more, without the library, to see what is in the way; undefined when that cannot be told. */
export async function diagnose(server: ServerAddress, timeoutMs: number): Promise<Obstacle | undefined> {
  if (server.tls !== undefined) return tlsObstacle(await dial(server.address, server.tls, timeoutMs));
  const [secure, met] = await Promise.all([
    speaksTls(server.address, timeoutMs),
    dial(server.address, undefined, timeoutMs),
  ]);
  if (secure) return 'tlsDemanded';
  return met.opened && met.type === 'ended' && !met.http2 ? 'foreign' : undefined;
}

/** Both outcomes of a handshake that got anywhere: done, or ended by an alert about certificates. */
export async function speaksTls(address: string, timeoutMs: number): Promise<boolean> {
  const met = await dial(address, 'anyCertificate', timeoutMs);
  return met.opened || (met.type === 'ended' && certificateWanted.test(met.reason));
}

function tlsObstacle(met: Met): Obstacle | undefined {
  if (met.type === 'silent') return undefined;
  if (notTls.test(met.reason)) return 'noTls';
  if (untrustedCodes.test(met.reason)) return 'untrusted';
  if (certificateWanted.test(met.reason)) return 'certificateDemanded';
  return met.opened && !met.http2 ? 'foreign' : undefined;
}

/** `opened`: TCP, or TLS where we spoke it, came about. */
type Met =
  | { readonly type: 'silent'; readonly opened: boolean }
  | { readonly type: 'ended'; readonly opened: boolean; readonly http2: boolean; readonly reason: string };

/** Says HTTP/2's opening words and waits for the first answer, or the end. */
function dial(
  address: string,
  tls: TlsOptions | 'anyCertificate' | undefined,
  timeoutMs: number,
): Promise<Met> {
  return new Promise((resolve) => {
    let opened = false;
    const socket = openSocket(address, tls, () => {
      opened = true;
      socket.write(http2Opening);
    });
    const settle = (met: Met): void => {
      clearTimeout(impatience);
      socket.destroy();
      resolve(met);
    };
    const impatience = setTimeout(() => settle({ type: 'silent', opened }), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      settle({ type: 'ended', opened, http2: false, reason: `${error.code ?? ''} ${error.message}` });
    });
    socket.on('data', (bytes: Buffer) => {
      settle({ type: 'ended', opened, http2: bytes[3] === settingsFrame, reason: '' });
    });
    socket.on('end', () => settle({ type: 'ended', opened, http2: false, reason: '' }));
  });
}

function openSocket(
  address: string,
  tls: TlsOptions | 'anyCertificate' | undefined,
  opened: () => void,
): Socket | TLSSocket {
  const { hostname, port } = new URL(`tcp://${address}`);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  if (tls === undefined) return connect(target, opened);
  const files =
    tls === 'anyCertificate'
      ? { rejectUnauthorized: false }
      : { ca: pem(tls.ca), cert: pem(tls.cert), key: pem(tls.key) };
  return connectTls({ ...target, ...files, ALPNProtocols: ['h2'] }, opened);
}

const pem = (bytes: Uint8Array | undefined): Buffer | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes);
