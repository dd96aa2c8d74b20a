import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { putRequest } from '../../src/client/wire/index.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { type Certificate, makeAuthority, makeCertificate, opensslPresent } from '../support/certificates.ts';
import { foreignProgram } from '../support/foreign.ts';
import { quorate, until } from '../support/processes.ts';
import { Cluster } from './cluster.ts';

const etcdctl = foreignProgram('etcdctl');

describe.skipIf(!opensslPresent())(
  'three replicas with TLS on both ports, and certificates on both sides',
  () => {
    let directory: string;
    let authority: Certificate;
    let server: Certificate;
    let client: Certificate;
    let strange: Certificate;
    let cluster: Cluster;

    beforeAll(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'quorate-tls-'));
      authority = makeAuthority(directory, 'authority');
      server = makeCertificate(directory, 'server', authority);
      client = makeCertificate(directory, 'client', authority);
      strange = makeCertificate(directory, 'strange', makeAuthority(directory, 'other-authority'));
      const clientPort = ['--cert-file', server.certFile, '--key-file', server.keyFile, '--client-cert-auth'];
      const peerPort = ['--peer-cert-file', server.certFile, '--peer-key-file', server.keyFile];
      cluster = await Cluster.start({
        flags: [
          ...clientPort,
          '--trusted-ca-file',
          authority.certFile,
          ...peerPort,
          '--peer-trusted-ca-file',
          authority.certFile,
          '--peer-client-cert-auth',
        ],
        tls: { ca: authority.cert, cert: client.cert, key: client.key },
      });
    });

    afterAll(async () => {
      await cluster?.[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    });

    const credentials = (certificate: Certificate): string[] => [
      '--cacert',
      authority.certFile,
      '--cert',
      certificate.certFile,
      '--key',
      certificate.keyFile,
    ];

    test('our client and commands', async () => {
      const connection = cluster.connect(20_000);
      await connection.put(putRequest({ key: utf8('a'), value: utf8('1') }));
      connection.close();
      const args = ['--endpoints', cluster.endpoints, '--timeout', '20s'];
      const { exitCode, stdout } = await quorate(['get', 'a', '--raw', ...args, ...credentials(client)]);
      expect([exitCode, stdout]).toEqual([0, '1']);
    });

    test.skipIf(etcdctl === undefined)('etcdctl', async () => {
      const run = (certificate: Certificate, ...args: string[]) =>
        promisify(execFile)(
          etcdctl ?? '',
          ['--endpoints', cluster.endpoints, ...credentials(certificate), ...args],
          {
            env: { ...process.env, ETCDCTL_API: '3' },
          },
        );
      expect((await run(client, 'put', 'b', '2')).stdout).toBe('OK\n');
      expect((await run(client, 'get', 'b', '--print-value-only')).stdout).toBe('2\n');
      expect((await run(client, 'endpoint', 'health')).stderr).toMatch(/^(.* is healthy: .*\n){3}$/);
      await expect(run(strange, '--command-timeout', '1s', 'put', 'b', '3')).rejects.toThrow();
      expect((await run(client, 'get', 'b', '--print-value-only')).stdout).toBe('2\n');
    });

    test('a client that does not trust the servers, or is not trusted, sends nothing', async () => {
      const put = (...flags: string[]) =>
        quorate(['put', 'a', '9', '--endpoints', cluster.endpoints, '--timeout', '2s', ...flags]);
      const other = path.join(directory, 'other-authority.crt');
      const cases = [
        ['--cacert', other, '--cert', client.certFile, '--key', client.keyFile],
        ['--cacert', authority.certFile],
        credentials(strange),
        [],
      ];
      for (const flags of cases) {
        const { exitCode, stderr } = await put(...flags);
        // A server that speaks TLS tells a client that does not so, in the client's own language.
        expect([exitCode, stderr]).toEqual(
          flags.length > 0
            ? [4, expect.stringContaining('Nothing was sent')]
            : [expect.toBeOneOf([1, 4]), expect.stringMatching(/Nothing (was sent|happened)/)],
        );
      }
    });

    test('a replica with a certificate from elsewhere is kept out, and the others go on', async () => {
      onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));
      const member = await cluster.follower();
      const others = cluster.members.filter((each) => each !== member);
      expect(await member.stop()).toBe(0);
      member.start({ 'peer-cert-file': strange.certFile, 'peer-key-file': strange.keyFile });
      await member.serving();
      await until(() =>
        others.every(({ logs }) => logs.includes('a connection to the peer port was refused')),
      );
      for (const each of others) {
        const connection = each.connect(20_000);
        await connection.put(putRequest({ key: utf8('a'), value: utf8('3') }));
        connection.close();
      }
      await member.kill();
      member.start();
      await cluster.ready();
    });
  },
);
