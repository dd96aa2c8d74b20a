import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../../../test/support/certificates.ts';
import { serveClients } from '../../../test/support/client-server.ts';
import { connect } from '../connect.ts';

describe.skipIf(!opensslPresent())('TLS to a server that is named by its IP address', () => {
  let directory: string;
  let authority: Certificate;
  let server: Certificate;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-ip-'));
    authority = makeAuthority(directory, 'authority');
    server = makeCertificate(directory, 'server', authority);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('works, and Node.js has nothing to warn of', async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', warned);
    try {
      await using cluster = await serveClients({ tls: { cert: server.cert, key: server.key } });
      await using client = await connect({ endpoints: cluster.server.address, tls: { ca: authority.cert } });
      await client.put('a', '1');
      expect((await client.get('a'))?.text).toBe('1');
      // Warnings are handed out in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', warned);
    }
    expect(warnings).toEqual([]);
  });

  test('a client without the certificate that is demanded is told of in plain words', async () => {
    await using cluster = await serveClients({
      tls: { cert: server.cert, key: server.key, trustedCa: authority.cert, clientCertAuth: true },
    });
    const options = { endpoints: cluster.server.address, tls: { ca: authority.cert }, deadlineMs: 2_000 };
    await expect(connect(options)).rejects.toMatchObject({ code: 'unreachable' });
    expect(new Set(cluster.rejected)).toEqual(
      new Set(['the client showed no certificate, and this port demands one']),
    );
  });
});
