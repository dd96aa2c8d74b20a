/** Where to listen or connect. An IPv6 host is without its brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly code = 'MALFORMED_ADDRESS';
}

/** Reads `host:port` or `[IPv6]:port`; the error says what is wrong, for the one who typed it. Port 0 is allowed. */
export function parseAddress(text: string): HostPort | AddressError {
  const wrong = (what: string): AddressError =>
    new AddressError(`address "${text}" ${what}; expected host:port, such as 127.0.0.1:2380 or [::1]:2380`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return wrong('has a scheme in front');
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed === null && text.startsWith('[')) return wrong('has no port behind its bracket');
  if (bracketed === null && text.split(':').length > 2) return wrong('holds an IPv6 host without brackets');
  const colon = text.lastIndexOf(':');
  const host = bracketed === null ? text.slice(0, colon < 0 ? text.length : colon) : (bracketed[1] ?? '');
  const port = bracketed === null ? (colon < 0 ? undefined : text.slice(colon + 1)) : bracketed[2];
  if (bracketed !== null && !/^[0-9a-f:.]*:[0-9a-f:.]*(%.+)?$/i.test(host))
    return wrong('holds no IPv6 host in its brackets');
  if (host === '') return wrong('has no host');
  if (/[\s/@?#[\]]/.test(host)) return wrong('has a character in its host that does not belong there');
  if (port === undefined || port === '') return wrong('has no port');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    return wrong(`has the port "${port}", not one of 0 to 65535`);
  return { host, port: Number(port) };
}

export const formatAddress = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Listens on every interface, and so names none that anybody could connect to. */
export const isWildcard = (host: string): boolean => host === '0.0.0.0' || /^[0:]+$/.test(host);

/** Stands for many machines at once (RFC 5771, RFC 4291 2.7), or for all of a network (RFC 919). */
export const isMulticast = (host: string): boolean =>
  host === '255.255.255.255' ||
  /^2(?:2[4-9]|3\d)(?:\.\d{1,3}){3}$/.test(host) ||
  /^ff[\da-f]{2}:/i.test(host);
