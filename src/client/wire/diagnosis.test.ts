import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../../../test/support/certificates.ts';
import { serveClients } from '../../../test/support/client-server.ts';
import { utf8 } from '../../core/bytes.ts';
import { Calls, ClientFailure, putRequest, type TlsOptions } from './index.ts';

const put = putRequest({ key: utf8('a'), value: utf8('1') });
const opened: (() => void | PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function failureAt(address: string, tls: TlsOptions | undefined): Promise<ClientFailure> {
  const client = new Calls({ servers: [{ address, tls }], timeoutMs: 5_000 });
  opened.push(() => client.close());
  const outcome = await client.put(put).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof ClientFailure) return outcome;
  throw new Error(`expected a ClientFailure, got ${String(outcome)}`);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('what listens there is no server of ours', () => {
  test.each<[string, () => Server]>([
    ['a web server', () => createHttpServer((_request, response) => void response.end('hello'))],
    [
      'something that talks first',
      () => createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
    ],
  ])('%s', async (_name, make) => {
    const failure = await failureAt(await listening(make()), undefined);
    expect([failure.type, failure.obstacles]).toEqual(['unreachable', ['foreign']]);
  });
});

describe.skipIf(!opensslPresent())('TLS: in each case nothing was done', () => {
  let directory: string;
  let authority: Certificate;
  let certificate: Certificate;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-diagnosis-'));
    authority = makeAuthority(directory, 'authority');
    certificate = makeCertificate(directory, 'server', authority);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const trusting = (): TlsOptions => ({ ca: authority.cert, cert: undefined, key: undefined });
  const trustingNobody: TlsOptions = { ca: undefined, cert: undefined, key: undefined };

  async function server(tls: 'plaintext' | 'tls' | 'clientCertificates'): Promise<string> {
    const { cert, key } = certificate;
    const demands = tls === 'clientCertificates' ? { trustedCa: authority.cert, clientCertAuth: true } : {};
    const made = await serveClients(tls === 'plaintext' ? {} : { tls: { cert, key, ...demands } });
    opened.push(() => made[Symbol.asyncDispose]());
    return made.server.address;
  }

  test('plaintext to a port that speaks TLS, again and again', async () => {
    const address = await server('clientCertificates');
    for (let round = 0; round < 10; round++) {
      const failure = await failureAt(address, undefined);
      expect([failure.type, failure.obstacles]).toEqual(['unreachable', ['tlsDemanded']]);
    }
  });

  test('TLS to a port that does not speak it', async () => {
    const failure = await failureAt(await server('plaintext'), trusting());
    expect([failure.type, failure.obstacles]).toEqual(['unreachable', ['noTls']]);
  });

  test('a certificate of an authority that is not trusted', async () => {
    const failure = await failureAt(await server('tls'), trustingNobody);
    expect([failure.type, failure.obstacles]).toEqual(['unreachable', ['untrusted']]);
  });

  test('no client certificate where one is demanded', async () => {
    const failure = await failureAt(await server('clientCertificates'), trusting());
    expect([failure.type, failure.obstacles]).toEqual(['unreachable', ['certificateDemanded']]);
  });
});
