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
    answer = { name: nameOf(socket) };
    known.set(socket, answer);
  }
  return answer.name;
}

/** A connection of HTTP/2 stands in for its socket, and does not say what it has before it is asked for it. */
function nameOf(socket: Partial<TLSSocket>): string | undefined {
  if (socket.authorized !== true || socket.getPeerCertificate === undefined) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
