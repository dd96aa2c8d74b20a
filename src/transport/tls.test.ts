import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../../test/support/certificates.ts';
import { factsOf, RecordingPeer } from '../../test/support/recording-peer.ts';
import { utf8 } from '../core/bytes.ts';
import { nodeClock } from '../replica/node-clock.ts';
import { type HostPort, parseAddress } from './address.ts';
import { type Frame, FrameDecoder, frameKinds } from './framing.ts';
import { decodeReject } from './handshake.ts';
import type { Listener, Network } from './network.ts';
import { TcpNetwork } from './tcp.ts';
import { TlsConfigurationError, TlsNetwork, type TlsOptions } from './tls.ts';

const opened: RecordingPeer[] = [];
const refused: string[] = [];

async function peerOn(network: Network, id: number): Promise<RecordingPeer> {
  const peer = new RecordingPeer(network, nodeClock, factsOf(id));
  opened.push(peer);
  await peer.listen('127.0.0.1:0');
  return peer;
}

/** The first problem that `a` has with reaching `b`. */
async function problemBetween(a: Network, b: Network): Promise<string> {
  const [dialler, acceptor] = [await peerOn(a, 1), await peerOn(b, 2)];
  dialler.setMembers(acceptor);
  await vi.waitFor(() => expect(dialler.problems.length + dialler.links.length).toBeGreaterThan(0), 10_000);
  const [problem] = dialler.problems;
  return problem?.type === 'unreachable' ? problem.reason : JSON.stringify(problem ?? dialler.links);
}

describe.skipIf(!opensslPresent())('replicas over TLS', () => {
  let directory: string;
  let ca: Certificate;
  let otherCa: Certificate;
  let ours: Certificate;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-tls-'));
    ca = makeAuthority(directory, 'authority');
    otherCa = makeAuthority(directory, 'other-authority');
    ours = makeCertificate(directory, 'ours', ca);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  afterEach(() => {
    for (const peer of opened.splice(0)) peer.peers.close();
    refused.length = 0;
  });

  const options = (changed: Partial<TlsOptions> = {}): TlsOptions => ({
    cert: ours.cert,
    key: ours.key,
    trustedCa: ca.cert,
    clientCertAuth: true,
    onRefused: (remote, reason) => refused.push(`${remote}: ${reason}`),
    ...changed,
  });
  const tls = (changed: Partial<TlsOptions> = {}): TlsNetwork => new TlsNetwork(options(changed));

  it('exchange frames, each sure of the other', async () => {
    const [a, b] = [await peerOn(tls(), 1), await peerOn(tls(), 2)];
    a.setMembers(b);
    b.setMembers(a);
    await vi.waitFor(() => expect(a.connectedTo(b) && b.connectedTo(a)).toBe(true), 10_000);
    const sizes = [0, 10, 100_000, 3_000_000, 5];
    for (const size of sizes) a.peers.send(b.id, 16, new Uint8Array(size));
    b.peers.send(a.id, 16, utf8('back'));
    await vi.waitFor(() => expect(b.frames.map(({ payload }) => payload.length)).toEqual(sizes), 10_000);
    await vi.waitFor(() => expect(a.frames).toHaveLength(1), 10_000);
    expect(refused).toEqual([]);
  });

  it('know the name in the certificate of who connects', async () => {
    const remotes: string[] = [];
    const silent = { open() {}, data() {}, drain() {}, close() {} };
    const network = tls();
    const listener = await new Promise<Listener | undefined>((resolve) => {
      network.listen(
        '127.0.0.1:0',
        (connection) => remotes.push(connection.remote),
        (_error, made) => resolve(made),
      );
    });
    const connection = network.connect(listener?.address ?? '', silent);
    await vi.waitFor(() => expect(remotes).toHaveLength(1), 10_000);
    connection.destroy();
    listener?.close();
    expect(remotes[0]).toMatch(/^127\.0\.0\.1:\d+ \(ours\)$/);
  });

  it('say that the other side does not speak TLS', async () => {
    expect(await problemBetween(tls(), new TcpNetwork())).toContain(
      'the other side does not speak TLS, and we do',
    );
    expect(opened[1]?.problems).toMatchObject([
      {
        direction: 'inbound',
        code: 'malformed',
        text: expect.stringContaining('speaks TLS, and this port does not'),
      },
    ]);
  });

  it('say to a plain peer that the port demands TLS', async () => {
    expect(await problemBetween(new TcpNetwork(), tls())).toContain('is it TLS on one side only?');
    expect(refused).toContainEqual(
      expect.stringMatching(
        /^127\.0\.0\.1:\d+: the other side does not speak TLS, and this port demands it$/,
      ),
    );
  });

  it('trust only what their authority signed', async () => {
    const foreign = makeCertificate(directory, 'foreign', otherCa);
    const strangers = tls({ cert: foreign.cert, key: foreign.key, trustedCa: otherCa.cert });
    expect(await problemBetween(tls(), strangers)).toMatch(/not signed by an authority that we trust/);
    const stranger = tls({ cert: foreign.cert, key: foreign.key, trustedCa: ca.cert });
    expect(await problemBetween(stranger, tls())).toMatch(
      /"code":"untrusted","text":"the dialler's certificate is not signed by/,
    );
    await vi.waitFor(
      () =>
        expect(refused).toContainEqual(
          expect.stringMatching(
            /^127\.0\.0\.1:\d+ \(foreign\): .* not signed by an authority that this port trusts/,
          ),
        ),
      5_000,
    );
  });

  it('refuse a certificate for another address', async () => {
    const elsewhere = makeCertificate(directory, 'elsewhere', ca, 'DNS:elsewhere.example');
    const misplaced = tls({ cert: elsewhere.cert, key: elsewhere.key });
    expect(await problemBetween(tls(), misplaced)).toMatch(/certificate is not for this address/);
  });

  it('let diallers without a trusted certificate in only when told to', async () => {
    const foreign = makeCertificate(directory, 'unchecked', otherCa);
    const dialler = tls({ cert: foreign.cert, key: foreign.key });
    expect(await problemBetween(dialler, tls({ clientCertAuth: false }))).toBe('["up 2"]');
  });

  it('turn away a dialler without any certificate, and tell it why', async () => {
    const peer = await peerOn(tls(), 1);
    const { host, port } = parseAddress(peer.address) as HostPort;
    const socket = connect({ host, port, ca: ca.cert });
    const decoder = new FrameDecoder();
    socket.on('data', (chunk) => decoder.push(chunk));
    socket.on('error', () => {});
    await once(socket, 'close');
    const answer = decoder.next() as Frame;
    expect(answer.kind).toBe(frameKinds.reject);
    expect(decodeReject(answer.payload)).toMatchObject({
      code: 'untrusted',
      text: expect.stringContaining('showed none'),
    });
    expect(refused).toEqual([expect.stringContaining('showed none')]);
  });

  it('refuse unusable certificates at once', () => {
    const other = makeCertificate(directory, 'other', ca);
    expect(() => tls({ key: other.key })).toThrow(TlsConfigurationError);
    expect(() => tls({ cert: 'not PEM' })).toThrow(/they must be PEM, and the key must be the certificate's/);
    expect(() => tls({ trustedCa: undefined })).toThrow(/give its file/);
  });
});
