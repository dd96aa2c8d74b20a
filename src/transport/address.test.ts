import { describe, expect, it } from 'vitest';
import { AddressError, formatAddress, parseAddress } from './address.ts';

describe('addresses', () => {
  it.each([
    ['127.0.0.1:2380', '127.0.0.1', 2380],
    ['localhost:0', 'localhost', 0],
    ['[::1]:2380', '::1', 2380],
    ['[fe80::1%eth0]:65535', 'fe80::1%eth0', 65_535],
    ['node-1.example.org:2380', 'node-1.example.org', 2380],
  ])('%s is read and written', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(text);
  });

  it.each([
    ['', 'has no host'],
    ['localhost', 'has no port'],
    ['localhost:', 'has no port'],
    [':2380', 'has no host'],
    ['::1:2380', 'holds an IPv6 host without brackets'],
    ['[::1]', 'has no port'],
    ['[localhost]:1', 'holds no IPv6 host in its brackets'],
    ['[::1]2380', 'has no port behind its bracket'],
    ['[::1:2380', 'has no port behind its bracket'],
    ['localhost:65536', 'has the port "65536"'],
    ['localhost:-1', 'has the port "-1"'],
    ['localhost:2380x', 'has the port "2380x"'],
    ['http://localhost:2380', 'has a scheme in front'],
    ['a b:1', 'has a character'],
    ['user@host:1', 'has a character'],
  ])('"%s" %s', (text, wrong) => {
    const error = parseAddress(text);
    expect(error).toBeInstanceOf(AddressError);
    expect(error).toHaveProperty('message', expect.stringContaining(`address "${text}" ${wrong}`));
  });
});
