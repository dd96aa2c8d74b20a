import { describe, expect, test } from 'vitest';
import {
  type Parser,
  parseAddress,
  parseCluster,
  parseDuration,
  parseEndpoints,
  parseName,
  parsePort,
} from './values.ts';

const problemOf = <T>(parse: Parser<T>, text: string): string => {
  const parsed = parse(text);
  return parsed.type === 'problem' ? parsed.problem : 'none';
};

const parsedBy = <T>(parse: Parser<T>, text: string): T => {
  const parsed = parse(text);
  if (parsed.type === 'problem') throw new Error(parsed.problem);
  return parsed.value;
};

describe('addresses', () => {
  test.each([
    ['127.0.0.1:2379', { host: '127.0.0.1', port: 2379 }],
    ['[::1]:2379', { host: '::1', port: 2379 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['n-1.example.org:65535', { host: 'n-1.example.org', port: 65_535 }],
  ])('%s', (text, expected) => {
    expect(parsedBy(parseAddress, text)).toEqual(expected);
  });

  test.each([
    ['', 'no host'],
    ['127.0.0.1', 'no port'],
    [':2379', 'no host'],
    ['http://127.0.0.1:2379', 'scheme'],
    ['::1:2379', 'brackets'],
    ['[127.0.0.1]:2379', 'brackets'],
    ['127.0.0.1:0', 'port 0'],
    ['127.0.0.1:65536', '65536'],
    ['127.0.0.1:23x', '23x'],
    ['300.1.1.1:2379', 'neither'],
    ['1.2.3:2379', 'neither'],
    ['-a.example:2379', 'neither'],
    ['a b:2379', 'host'],
  ])('"%s" is refused', (text, expected) => {
    expect(problemOf(parseAddress, text)).toContain(expected);
  });
});

describe('endpoints', () => {
  test('schemes say whether to use TLS', () => {
    expect(parsedBy(parseEndpoints, 'a:1, https://b:2/ ,http://[::1]:3')).toEqual([
      { host: 'a', port: 1, tls: undefined },
      { host: 'b', port: 2, tls: true },
      { host: '::1', port: 3, tls: false },
    ]);
  });

  test.each([
    ['', 'empty'],
    [' , ', 'empty'],
    ['ftp://a:1', 'scheme'],
    ['http://a', 'no port'],
    ['http://a:1/path', 'scheme'],
  ])('"%s" is refused', (text, expected) => {
    expect(problemOf(parseEndpoints, text)).toContain(expected);
  });
});

describe('members', () => {
  test('a list of names and addresses', () => {
    expect(parsedBy(parseCluster, 'n1=10.0.0.1:2380,n2=[fe80::2]:2380')).toEqual([
      { name: 'n1', address: { host: '10.0.0.1', port: 2380 } },
      { name: 'n2', address: { host: 'fe80::2', port: 2380 } },
    ]);
  });

  test.each([
    ['', 'empty'],
    ['10.0.0.1:2380', 'NAME=HOST:PORT'],
    ['n1=a:1,n1=b:1', 'n1 twice'],
    ['n1=a:1,n2=a:1', 'the same address'],
    ['n1=0.0.0.0:1', 'nobody can connect'],
    ['n1=http://a:1', 'scheme'],
    ['n 1=a:1', 'not a name'],
  ])('"%s" is refused', (text, expected) => {
    expect(problemOf(parseCluster, text)).toContain(expected);
  });

  test.each(['', '-n', 'a/b', 'x'.repeat(64)])('the name "%s" is refused', (text) => {
    expect(problemOf(parseName, text)).toContain('not a name');
  });
});

describe('durations and ports', () => {
  test.each([
    ['500ms', 500],
    ['5s', 5000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('%s', (text, expected) => {
    expect(parsedBy(parseDuration, text)).toBe(expected);
  });

  test.each(['5', 's', '-1s', '1e3s', '0s', '25h', '5 s', '1.s'])('the duration "%s" is refused', (text) => {
    expect(problemOf(parseDuration, text)).not.toBe('none');
  });

  test.each(['0', '65536', '-1', '2379x', '1e3', ''])('the port "%s" is refused', (text) => {
    expect(problemOf(parsePort, text)).toContain('not a port');
  });
});
