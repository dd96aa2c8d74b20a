import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../../test/support/certificates.ts';
import { serveClients } from '../../test/support/client-server.ts';
import { GrpcClient } from '../../test/support/grpc-client.ts';
import { utf8 } from '../core/bytes.ts';
import { ListenError } from '../transport/listen-error.ts';
import { ClientTlsError } from './client-port.ts';

/** What comes back for some bytes, until the server closes. */
function exchange(address: string, ...parts: readonly Uint8Array[]): Promise<Buffer> {
  const port = Number(address.split(':').at(-1));
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.on('data', (part: Buffer) => received.push(part));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(received)));
    for (const part of parts) socket.write(part);
    socket.end();
  });
}

/** A plain GET over TLS and HTTP/1.1. */
function getHttps(address: string, options: https.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(`https://${address}/version`, { agent: false, ...options }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
  });
}

describe('in plaintext', () => {
  test('gRPC and HTTP/1.1 share the port', async () => {
    await using server = await serveClients();
    await using client = new GrpcClient(server.server.address);
    await client.put({ key: utf8('a') });
    const response = await fetch(`http://${server.server.address}/version`);
    expect(await response.json()).toEqual({ etcdserver: '3.5.13', etcdcluster: '3.5.13' });
  });

  test('a request that arrives byte by byte is understood', async () => {
    await using server = await serveClients();
    const bytes = Buffer.from(
      'POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: 14\r\n\r\n{"key":"YQ=="}',
    );
    const answer = await exchange(server.server.address, ...[...bytes].map((byte) => Uint8Array.of(byte)));
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test('a TLS client gets an alert, and the operator a reason', async () => {
    await using server = await serveClients();
    await expect(getHttps(server.server.address, {})).rejects.toThrow();
    expect(server.rejected).toEqual(['this port speaks plaintext: use http://']);
  });

  test('settings that are too long, after which nothing more is read, end the connection', async () => {
    await using server = await serveClients();
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await exchange(server.server.address, preface, Buffer.from('0403040402e1040505', 'hex'));
    await expect.poll(() => server.server.connections).toBe(0);
  });

  test('random bytes never disturb other clients', async () => {
    await using server = await serveClients();
    await using client = new GrpcClient(server.server.address);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 200 }), async (h2, garbage) => {
        await exchange(server.server.address, ...(h2 ? [preface, garbage] : [garbage]));
      }),
      { numRuns: 150 },
    );
    expect((await client.put({ key: utf8('a') })).header?.revision).toBe(2n);
    expect(server.faults).toEqual([]);
  });

  test('a port in use is a typed error', async () => {
    await using server = await serveClients();
    const port = Number(server.server.address.split(':').at(-1));
    const second = serveClients({ port });
    await expect(second).rejects.toBeInstanceOf(ListenError);
    await expect(second).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
  });

  test('an address that is not ours is a typed error', async () => {
    await expect(serveClients({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
  });
});

test('a key that is none is a typed error', async () => {
  const tlsOptions = { cert: 'no certificate', key: 'no key' };
  await expect(serveClients({ tls: tlsOptions })).rejects.toBeInstanceOf(ClientTlsError);
});

describe.runIf(opensslPresent())('over TLS', () => {
  let directory: string;
  let authority: Certificate;
  let serverCertificate: Certificate;
  let clientCertificate: Certificate;
  let stranger: Certificate;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'client-port-'));
    authority = makeAuthority(directory, 'authority');
    serverCertificate = makeCertificate(directory, 'server', authority);
    clientCertificate = makeCertificate(directory, 'client', authority);
    stranger = makeCertificate(directory, 'stranger', makeAuthority(directory, 'elsewhere'));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const identity = ({ cert, key }: Certificate): { cert: Buffer; key: Buffer } => ({ cert, key });

  test('gRPC, HTTP/2 and HTTP/1.1 share the port', async () => {
    await using server = await serveClients({ tls: identity(serverCertificate) });
    await using client = new GrpcClient(server.server.address, credentials.createSsl(authority.cert));
    expect((await client.put({ key: utf8('a') })).header?.revision).toBe(2n);
    expect(await getHttps(server.server.address, { ca: authority.cert })).toContain('3.5.13');
    const session = http2.connect(`https://${server.server.address}`, { ca: authority.cert });
    const stream = session.request({ ':path': '/health' });
    let body = '';
    for await (const part of stream) body += part;
    session.close();
    expect(JSON.parse(body)).toEqual({ health: 'true', reason: '' });
  });

  test('plaintext clients are told what to do', async () => {
    await using server = await serveClients({ tls: identity(serverCertificate) });
    const answer = await exchange(
      server.server.address,
      Buffer.from('GET /health HTTP/1.1\r\nhost: x\r\n\r\n'),
    );
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 Bad Request.*this port speaks TLS/s);
    await using client = new GrpcClient(server.server.address);
    await client.failure(client.put({ key: utf8('a') }, { timeoutMs: 1_000 }));
    expect(new Set(server.rejected)).toEqual(
      new Set(['this port speaks TLS: use https:// and, where asked for, a client certificate']),
    );
  });

  test('with an authority, clients must show a certificate that it signed', async () => {
    const trusting = { ...identity(serverCertificate), trustedCa: authority.cert };
    await using server = await serveClients({ tls: trusting });
    const { address } = server.server;
    const known = credentials.createSsl(authority.cert, clientCertificate.key, clientCertificate.cert);
    await using client = new GrpcClient(address, known);
    expect((await client.put({ key: utf8('a') })).header?.revision).toBe(2n);
    await expect(getHttps(address, { ca: authority.cert })).rejects.toThrow();
    await expect(getHttps(address, { ca: authority.cert, ...identity(stranger) })).rejects.toThrow();
    expect(await getHttps(address, { ca: authority.cert, ...identity(clientCertificate) })).toContain(
      '3.5.13',
    );
    await expect.poll(() => server.rejected.length).toBeGreaterThanOrEqual(2);
  });

  test('HTTP/2 without ALPN is refused', async () => {
    await using server = await serveClients({ tls: identity(serverCertificate) });
    const port = Number(server.server.address.split(':').at(-1));
    const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.cert });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const received: Buffer[] = [];
    for await (const part of socket) received.push(part as Buffer);
    expect(Buffer.concat(received).toString('latin1')).toContain('ALPN');
  });

  test('garbage after the first byte of a handshake disturbs nobody', async () => {
    await using server = await serveClients({ tls: identity(serverCertificate) });
    await exchange(server.server.address, Uint8Array.of(0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7));
    expect(await getHttps(server.server.address, { ca: authority.cert })).toContain('3.5.13');
  });
});
