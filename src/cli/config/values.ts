import { isIP } from 'node:net';
import {
  formatAddress,
  type HostPort,
  isMulticast,
  isWildcard,
  parseAddress as parseHostPort,
} from '../../transport/address.ts';

/** A text read as a value, or what is wrong with it, in words that follow the setting's name. */
export type Parsed<T> =
  | { readonly type: 'value'; readonly value: T }
  | { readonly type: 'problem'; readonly problem: string };

export type Parser<T> = (text: string) => Parsed<T>;

const value = <T>(of: T): Parsed<T> => ({ type: 'value', value: of });
const problem = (what: string): Parsed<never> => ({ type: 'problem', problem: what });

export type Address = HostPort;

export { formatAddress };

/** Reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const hostName =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/i;

/** HOST:PORT that somebody can listen on or connect to. */
export function parseAddress(text: string): Parsed<Address> {
  const address = parseHostPort(text);
  if (address instanceof Error) return problem(address.message);
  const { host, port } = address;
  const looksNumeric = /^[\d.]+$/.test(host);
  if (!host.includes(':') && (looksNumeric ? isIP(host) !== 4 : !hostName.test(host))) {
    return problem(`"${host}" is neither a host name nor an IP address`);
  }
  return port === 0 ? problem(`"${text}" has the port 0, which nobody can connect to`) : value(address);
}

export interface Endpoint extends Address {
  /** Undefined when the endpoint did not say: then TLS is used when certificates are configured. */
  readonly tls: boolean | undefined;
}

export function parseEndpoint(text: string): Parsed<Endpoint> {
  const match = /^(https?):\/\/([^/]*)\/?$/i.exec(text);
  const address = parseAddress(match?.[2] ?? text);
  if (address.type === 'problem') return address;
  return value({ ...address.value, tls: match === null ? undefined : match[1]?.toLowerCase() === 'https' });
}

export function parseEndpoints(text: string): Parsed<readonly Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (const part of splitList(text)) {
    const endpoint = parseEndpoint(part);
    if (endpoint.type === 'problem') return endpoint;
    endpoints.push(endpoint.value);
  }
  return endpoints.length === 0 ? problem('is empty: name at least one HOST:PORT') : value(endpoints);
}

export interface ClusterMember {
  readonly name: string;
  readonly address: Address;
}

export function parseName(text: string): Parsed<string> {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/i.test(text)
    ? value(text)
    : problem(`"${text}" is not a name: up to 63 letters, digits, ".", "_" and "-", a letter or digit first`);
}

/** `n1=host:port,n2=host:port`: the initial members and their peer addresses. */
export function parseCluster(text: string): Parsed<readonly ClusterMember[]> {
  const members: ClusterMember[] = [];
  for (const part of splitList(text)) {
    const at = part.indexOf('=');
    if (at < 0) return problem(`"${part}" is not NAME=HOST:PORT, e.g. n1=127.0.0.1:2380`);
    const name = parseName(part.slice(0, at));
    if (name.type === 'problem') return name;
    const address = parseAddress(part.slice(at + 1));
    if (address.type === 'problem') return problem(`of ${name.value}: ${address.problem}`);
    const text = formatAddress(address.value);
    if (isWildcard(address.value.host) || isMulticast(address.value.host)) {
      return problem(
        `of ${name.value}: nobody can connect to ${text}; name the address that the others reach it at`,
      );
    }
    if (members.some((member) => member.name === name.value)) return problem(`names ${name.value} twice`);
    const twin = members.find((member) => formatAddress(member.address) === text);
    if (twin !== undefined) return problem(`gives ${twin.name} and ${name.value} the same address ${text}`);
    members.push({ name: name.value, address: address.value });
  }
  return members.length === 0
    ? problem('is empty: name at least one member as NAME=HOST:PORT')
    : value(members);
}

const unitMillis: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds, from a number with its unit: 500ms, 5s, 1.5m, 1h. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const millis = Math.round(Number(match?.[1]) * (unitMillis[match?.[2] ?? ''] ?? Number.NaN));
  if (!Number.isSafeInteger(millis)) {
    return problem(`"${text}" is not a duration: write a number with its unit, e.g. 500ms, 5s or 1m`);
  }
  return millis > 0 && millis <= 86_400_000 ? value(millis) : problem(`"${text}" is not between 1ms and 24h`);
}

/** A whole number with or without a sign; in bytes, revisions and the like. */
export function parseInteger(text: string): Parsed<number> {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? value(number) : problem(`"${text}" is not a whole number`);
}

export function parsePort(text: string): Parsed<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? value(port) : problem(`"${text}" is not a port between 1 and 65535`);
}

export function parseBoolean(text: string): Parsed<boolean> {
  if (text === 'true') return value(true);
  if (text === 'false') return value(false);
  return problem(`"${text}" is neither true nor false`);
}

export function oneOf<T extends string>(choices: readonly T[]): Parser<T> {
  return (text) => {
    const choice = choices.find((each) => each === text);
    return choice === undefined ? problem(`"${text}" is not one of ${choices.join(', ')}`) : value(choice);
  };
}

export function parseText(text: string): Parsed<string> {
  return text === '' ? problem('is empty') : value(text);
}

const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
