import type { TLSSocket } from 'node:tls';

const known = new WeakMap<object, { readonly name: string | undefined }>();

/**
 * Common name of the certificate by which a client has shown who it is; undefined when it did not have to, or when its
 * certificate was not checked. Asking a connection for it is dear, so it is asked once.
 */
export function certificateName(socket: object | undefined): string | undefined {
  if (socket === undefined) return undefined;
  let answer = known.get(socket);
  if (answer === undefined) {
    answer = { name: 'getPeerCertificate' in socket ? nameOf(socket as TLSSocket) : undefined };
    known.set(socket, answer);
  }
  return answer.name;
}

function nameOf(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
