import { describe, expect, it } from 'vitest';
import { factsOf, RecordingPeer } from '../../test/support/recording-peer.ts';
import { simulatedHosts } from '../../test/support/simulated-hosts.ts';
import { concatBytes, utf8, utf8Text } from '../core/bytes.ts';
import { Writer } from '../core/codec.ts';
import { nodeId } from '../core/ids.ts';
import { maxFrameBytes, maxPeerQueueBytes, maxUnidentifiedConnections } from '../core/limits.ts';
import { encodeFrames, type Frame, FrameDecoder, frameKinds } from './framing.ts';
import { decodeReject, encodeHello, type Facts, type Hello, type RejectCode, reject } from './handshake.ts';
import type { Connection } from './network.ts';

type World = ReturnType<typeof simulatedHosts>;

function start(world: World, at: number, facts: Facts): RecordingPeer {
  const { host, network } = world.hosts[at] as World['hosts'][number];
  const peer = new RecordingPeer(network, host.clock, facts);
  peer.address = `${host.name}:1`;
  peer.peers.listen(peer.address, (error) => expect(error).toBeUndefined());
  return peer;
}

function pair(changed: { a?: Partial<Facts>; b?: Partial<Facts> } = {}) {
  const world = simulatedHosts('n1', 'n2');
  const a = start(world, 0, factsOf(1, changed.a));
  const b = start(world, 1, factsOf(2, changed.b));
  world.run(1);
  a.setMembers(a, b);
  b.setMembers(a, b);
  world.run(50);
  return { ...world, a, b };
}

/** Somebody on the first host who writes bytes of his own to the second. */
function stranger(world: World, frames: readonly Frame[] | Uint8Array) {
  const decoder = new FrameDecoder();
  const seen = { closed: undefined as string | undefined, drains: 0 };
  const { network } = world.hosts[0] as World['hosts'][number];
  const connection: Connection = network.connect('n2:1', {
    open() {},
    data: (chunk) => decoder.push(chunk),
    drain: () => seen.drains++,
    close: (reason) => {
      seen.closed = reason;
    },
  });
  connection.write(frames instanceof Uint8Array ? [frames] : encodeFrames(frames));
  return { seen, connection, next: () => decoder.next() as Frame | undefined };
}

const helloOf = (facts: Facts, changed: Partial<Hello> = {}): Frame => ({
  kind: frameKinds.hello,
  payload: encodeHello({
    ...facts,
    versions: { min: 1, max: 1 },
    to: nodeId(2),
    purpose: 'link',
    ...changed,
  }),
});

describe('links', () => {
  it('come up both ways and carry frames in order', () => {
    const { a, b, run } = pair();
    expect(a.links).toEqual(['up 2']);
    expect(b.links).toEqual(['up 1']);
    for (let i = 0; i < 100; i++) expect(a.peers.send(b.id, 16 + (i % 3), utf8(`message ${i}`))).toBe(true);
    expect(b.peers.send(a.id, 16, utf8('back'))).toBe(true);
    run(50);
    expect(b.frames.map(({ payload }) => utf8Text(payload))).toEqual(
      Array.from({ length: 100 }, (_, i) => `message ${i}`),
    );
    expect(new Set(b.frames.map(({ session }) => session)).size).toBe(1);
    expect(a.frames).toMatchObject([{ from: 2, kind: 16 }]);
  });

  it('put the frames of one turn into one write', () => {
    const { a, b, hosts, run } = pair();
    const { network } = hosts[0] as World['hosts'][number];
    const writes: number[] = [];
    const connect = network.connect;
    network.connect = (address, handlers) => {
      const connection = connect(address, handlers);
      const write = connection.write.bind(connection);
      connection.write = (parts) => {
        writes.push(concatBytes(parts).length);
        return write(parts);
      };
      return connection;
    };
    a.setMembers();
    a.setMembers(b);
    run(50);
    writes.length = 0;
    for (let i = 0; i < 50; i++) a.peers.send(b.id, 16, new Uint8Array(20));
    expect(writes).toEqual([]);
    run(5);
    expect(writes).toEqual([50 * 29]);
    a.peers.send(b.id, 16, new Uint8Array(1));
    a.peers.flush();
    expect(writes).toEqual([50 * 29, 10]);
  });

  it('measure the round trip', () => {
    const { a, b, run } = pair();
    run(1_000);
    const [status] = a.peers.status();
    expect(status).toMatchObject({
      id: b.id,
      name: 'n2',
      heard: true,
      queuedBytes: 0,
      facts: { incarnation: 1 },
    });
    expect(status?.roundTripMs).toBeGreaterThanOrEqual(1);
    expect(status?.roundTripMs).toBeLessThanOrEqual(40);
  });

  it('are silent about a peer that is not there, and quick when it comes', () => {
    const world = simulatedHosts('n1', 'n2');
    const a = start(world, 0, factsOf(1));
    a.peers.setMembers([{ id: nodeId(2), name: 'n2', address: 'n2:1' }]);
    world.run(60_000);
    expect(a.problems).toMatchObject([{ type: 'unreachable', peer: 2, address: 'n2:1' }]);
    expect(a.peers.send(nodeId(2), 16, new Uint8Array(1))).toBe(false);
    expect(a.peers.credit(nodeId(2))).toBe(0);
    const b = start(world, 1, factsOf(2));
    world.run(1);
    b.setMembers(a);
    world.run(100);
    expect(a.links).toEqual(['up 2']);
    expect(b.links).toEqual(['up 1']);
    expect(a.problems).toHaveLength(1);
  });

  it('that are cut are noticed within seconds, and come back soon after the cut is healed', () => {
    const { a, b, network, run } = pair();
    network.cut('n1', 'n2');
    network.cut('n2', 'n1');
    run(4_500);
    expect(a.links).toEqual(['up 2', expect.stringMatching(/^down 2: nothing heard for 3\d\d\d ms$/)]);
    expect(a.peers.status()).toMatchObject([{ session: undefined, heard: false }]);
    run(20_000);
    network.heal();
    run(2_500);
    expect(a.connectedTo(b)).toBe(true);
    expect(b.connectedTo(a)).toBe(true);
    expect(new Set(a.sessions).size).toBe(2);
    a.peers.send(b.id, 16, utf8('again'));
    run(50);
    expect(b.frames.map(({ payload }) => utf8Text(payload))).toEqual(['again']);
  });

  it('that are cut in one direction only go down at the sender, who hears no answer', () => {
    const { a, b, network, run } = pair();
    network.cut('n2', 'n1');
    run(4_500);
    expect(a.connectedTo(b)).toBe(false);
  });

  it('survive a pause of this process shorter than what the peer tolerates', () => {
    const { a, b, hosts, run } = pair();
    run(600);
    hosts[0]?.host.pause();
    run(2_500);
    hosts[0]?.host.resume();
    run(3_000);
    expect(a.links).toEqual(['up 2']);
    expect(b.links).toEqual(['up 1']);
  });

  it('break without delay when the process of the peer dies', () => {
    const { a, network, hosts, run } = pair();
    const { host } = hosts[1] as World['hosts'][number];
    host.kill();
    network.processGone(host, false);
    run(20);
    expect(a.links).toEqual(['up 2', expect.stringContaining('down 2')]);
  });

  it('follow the membership', () => {
    const world = simulatedHosts('n1', 'n2', 'n3');
    const [a, b, c] = [1, 2, 3].map((id) => start(world, id - 1, factsOf(id))) as [
      RecordingPeer,
      RecordingPeer,
      RecordingPeer,
    ];
    world.run(1);
    for (const one of [a, b, c]) one.setMembers(a, b, c);
    world.run(50);
    expect([a, b, c].map((one) => one.links.length)).toEqual([2, 2, 2]);
    a.setMembers(a, b);
    expect(a.links.at(-1)).toBe('down 3: not a member any more');
    world.run(50);
    expect(a.peers.status()).toMatchObject([{ id: 2, heard: true }]);
    expect(a.peers.send(c.id, 16, new Uint8Array(1))).toBe(false);
    a.peers.setMembers([{ id: b.id, name: 'n2', address: 'n3:1' }]);
    expect(a.links.at(-1)).toBe('down 2: moved to n3:1');
    world.run(100);
    expect(a.problems.at(-1)).toMatchObject({
      type: 'rejected',
      code: 'wrongTarget',
      direction: 'outbound',
      by: 'them',
    });
    a.setMembers(b);
    world.run(100);
    expect(a.connectedTo(b)).toBe(true);
  });

  it('take no more than the queue holds while the peer does not read', () => {
    const { a, b, network, run } = pair();
    network.cut('n1', 'n2');
    const payload = new Uint8Array(maxFrameBytes);
    let taken = 0;
    for (let i = 0; i < 20; i++) {
      if (a.peers.send(b.id, 16, payload)) taken++;
      run(1);
    }
    expect(taken * maxFrameBytes).toBeLessThanOrEqual(maxPeerQueueBytes + maxFrameBytes);
    expect(a.peers.credit(b.id)).toBe(0);
    expect(a.peers.status()[0]?.queuedBytes).toBeLessThanOrEqual(maxPeerQueueBytes);
    network.heal();
    run(2_000);
    expect(b.frames).toHaveLength(taken);
    expect(a.writable).toContain(b.id);
    expect(a.peers.credit(b.id)).toBe(maxPeerQueueBytes);
  });

  it('end when the transport is closed, and nothing is called after that', () => {
    const { a, b, run } = pair();
    a.peers.send(b.id, 16, utf8('last words'));
    a.peers.close();
    expect(a.links).toEqual(['up 2', 'down 2: we are stopping']);
    run(10_000);
    expect(b.frames).toHaveLength(1);
    expect(a.links).toHaveLength(2);
    expect(a.problems).toEqual([]);
    expect(b.connectedTo(a)).toBe(false);
  });
});

describe('replicas that do not belong together', () => {
  it.each<[RejectCode, Partial<Facts>]>([
    ['wrongCluster', { clusterId: 7n }],
    ['protocolMismatch', { protocol: 'zab' }],
  ])('%s: both sides say so, once', (code, b) => {
    const peers = pair({ b });
    peers.run(30_000);
    expect(peers.a.links).toEqual([]);
    expect(peers.b.links).toEqual([]);
    for (const { problems } of [peers.a, peers.b]) {
      expect(problems).toHaveLength(2);
      expect(problems).toContainEqual(expect.objectContaining({ code, direction: 'outbound' }));
      expect(problems).toContainEqual(expect.objectContaining({ code, direction: 'inbound' }));
    }
  });

  it.each<RejectCode>(['storageChanged', 'unknownMember', 'notReady', 'duplicateName'])(
    '%s is for the host to say, on either side, and can heal',
    (code) => {
      const world = simulatedHosts('n1', 'n2');
      const a = start(world, 0, factsOf(1));
      const b = start(world, 1, factsOf(2));
      a.verdict = (_other, direction) =>
        direction === 'outbound' ? reject(code, 'not with you') : { type: 'accept' };
      world.run(1);
      a.setMembers(b);
      world.run(10_000);
      expect(a.links).toEqual([]);
      expect(a.problems).toMatchObject([
        { type: 'rejected', by: 'us', direction: 'outbound', code, text: 'not with you' },
      ]);
      a.verdict = () => ({ type: 'accept' });
      world.run(3_000);
      expect(a.links.at(-1)).toBe('up 2');
    },
  );

  it('duplicateName: another data directory under the name of a replica that is connected', () => {
    const world = simulatedHosts('n1', 'n2', 'n3');
    const a = start(world, 0, factsOf(1));
    const b = start(world, 1, factsOf(2));
    const twin = start(world, 2, factsOf(1, { storageId: new Uint8Array(16).fill(9) }));
    world.run(1);
    a.setMembers(b);
    world.run(100);
    twin.setMembers(b);
    world.run(10_000);
    expect(twin.links).toEqual([]);
    expect(twin.problems).toMatchObject([{ code: 'duplicateName', by: 'them' }]);
    expect(a.links).toEqual(['up 2']);
  });

  it('duplicateName: an earlier start of the data directory than the one that is connected', () => {
    const world = simulatedHosts('n1', 'n2', 'n3');
    const a = start(world, 0, factsOf(1, { incarnation: 5 }));
    const b = start(world, 1, factsOf(2));
    const copy = start(world, 2, factsOf(1, { incarnation: 4 }));
    world.run(1);
    a.setMembers(b);
    world.run(100);
    copy.setMembers(b);
    world.run(5_000);
    expect(copy.problems).toMatchObject([{ code: 'duplicateName', text: expect.stringContaining('copied') }]);
    expect(a.links).toEqual(['up 2']);
  });

  it('a later start waits until the earlier one has ended, since it may be a copy', () => {
    const world = simulatedHosts('n1', 'n2', 'n3');
    const a = start(world, 0, factsOf(1));
    const b = start(world, 1, factsOf(2));
    world.run(1);
    a.setMembers(b);
    world.run(100);
    const restarted = start(world, 2, factsOf(1, { incarnation: 2 }));
    restarted.setMembers(b);
    world.run(500);
    expect(restarted.links).toEqual([]);
    expect(restarted.problems).toMatchObject([{ code: 'duplicateName' }]);
    a.peers.close();
    world.run(5_000);
    expect(restarted.links).toEqual(['up 2']);
  });

  it('versionRange: the reject names both ranges', () => {
    const world = pair();
    const { next } = stranger(world, [helloOf(factsOf(1), { versions: { min: 5, max: 8 } })]);
    world.run(50);
    const answer = next();
    expect(answer?.kind).toBe(frameKinds.reject);
    expect(decodeReject(answer?.payload ?? new Uint8Array())).toEqual(
      reject('versionRange', expect.stringMatching(/5 to 8, this one 1/)),
    );
  });
});

describe('strangers', () => {
  it('who send garbage are told so and cut off; nobody else is disturbed', () => {
    const world = pair();
    const { a, b, run } = world;
    const http = stranger(world, utf8('GET / HTTP/1.1\r\n\r\n'));
    const early = stranger(world, [{ kind: 16, payload: utf8('no hello') }]);
    const large = stranger(world, [{ kind: frameKinds.hello, payload: new Uint8Array(100_000) }]);
    run(100);
    for (const { seen, next } of [http, early, large]) {
      expect(seen.closed).toBeDefined();
      expect(next()?.kind).toBe(frameKinds.reject);
    }
    expect(b.problems.map((problem) => ('text' in problem ? problem.text : problem.type))).toEqual(
      expect.arrayContaining([expect.stringContaining('speaks HTTP')]),
    );
    expect(a.connectedTo(b) && b.connectedTo(a)).toBe(true);
    expect(b.frames).toEqual([]);
  });

  it('who say nothing, or a byte now and then, are cut off in time', () => {
    const world = pair();
    const silent = stranger(world, new Uint8Array(0));
    const [bytes] = encodeFrames([helloOf(factsOf(1))]);
    const slow = stranger(world, (bytes as Uint8Array).subarray(0, 1));
    for (let at = 1; at < 25; at++) {
      world.run(100);
      slow.connection.write([(bytes as Uint8Array).subarray(at, at + 1)]);
    }
    world.run(100);
    expect(silent.seen.closed).toBeDefined();
    expect(slow.seen.closed).toBeDefined();
  });

  it('are few: the oldest makes room, and members still get in', () => {
    const world = simulatedHosts('n1', 'n2');
    const b = start(world, 1, factsOf(2));
    world.run(1);
    const crowd = Array.from({ length: maxUnidentifiedConnections + 20 }, () =>
      stranger(world, new Uint8Array(0)),
    );
    world.run(50);
    expect(crowd.filter(({ seen }) => seen.closed !== undefined)).toHaveLength(20);
    const a = start(world, 0, factsOf(1));
    a.peers.setMembers([{ id: b.id, name: 'n2', address: 'n2:1' }]);
    world.run(50);
    expect(a.links).toEqual(['up 2']);
  });

  it('who were welcomed and then break the rules lose their connection', () => {
    const world = pair();
    const other = factsOf(3);
    const rude = stranger(world, [helloOf(other), { kind: 16, payload: utf8('fine') }]);
    world.run(50);
    expect(world.b.frames).toMatchObject([{ from: 3, kind: 16 }]);
    rude.connection.write(encodeFrames([{ kind: frameKinds.welcome, payload: new Uint8Array(3) }]));
    world.run(50);
    expect(rude.seen.closed).toBeDefined();
  });

  it('whose frame takes long to come are heard meanwhile, and told so', () => {
    const world = pair();
    const slow = stranger(world, [helloOf(factsOf(3))]);
    world.run(20);
    const bytes = concatBytes(encodeFrames([{ kind: 16, payload: new Uint8Array(1_000) }]));
    for (let at = 0; at < bytes.length; at += 50) {
      slow.connection.write([bytes.subarray(at, at + 50)]);
      world.run(400);
    }
    expect(world.b.frames).toMatchObject([{ from: 3, kind: 16 }]);
    expect(slow.next()?.kind).toBe(frameKinds.welcome);
    let shown = 0;
    for (let frame = slow.next(); frame !== undefined; frame = slow.next()) {
      expect(frame).toEqual({ kind: frameKinds.pong, payload: new Uint8Array(0) });
      shown++;
    }
    expect(shown).toBeGreaterThan(10);
    world.run(5_000);
    expect(slow.seen.closed).toBeDefined();
  });

  it('who break off the handshake after the transport closed find nobody', () => {
    const world = pair();
    const late = stranger(world, new Uint8Array(0));
    world.b.peers.close();
    world.run(100);
    expect(late.seen.closed).toBeDefined();
    expect(world.b.problems).toEqual([]);
  });

  it('cannot make us keep answers that they do not read', () => {
    const world = pair();
    const flood = stranger(world, [helloOf(factsOf(3))]);
    world.run(20);
    flood.connection.pause();
    const ping: Frame = { kind: frameKinds.ping, payload: new Writer().u64(1n).finish() };
    for (let i = 0; i < 200; i++) {
      flood.connection.write(encodeFrames(Array.from({ length: 1_000 }, () => ping)));
      world.run(2);
    }
    flood.connection.resume();
    world.run(500);
    let answers = 0;
    while (flood.next() !== undefined) answers++;
    expect(answers).toBeGreaterThan(100);
    expect(answers).toBeLessThan(20_000);
  });
});

describe('a probe', () => {
  it('brings the facts of the other side', () => {
    const { a, b, run } = pair({ b: { phase: 'empty', knowsYou: false } });
    const outcomes: unknown[] = [];
    a.peers.probe('n2:1', b.id, (outcome) => outcomes.push(outcome));
    run(50);
    expect(outcomes).toMatchObject([{ type: 'answered', facts: { id: 2, phase: 'empty', knowsYou: false } }]);
    run(5_000);
    expect(outcomes).toHaveLength(1);
    expect(b.problems).toEqual([]);
  });

  it('tells who refused, or that nobody is there', () => {
    const { a, b, run } = pair();
    b.verdict = (_other, _direction, purpose) =>
      purpose === 'probe' ? reject('unknownMember', 'who are you?') : { type: 'accept' };
    const outcomes: unknown[] = [];
    a.peers.probe('n2:1', b.id, (outcome) => outcomes.push(outcome));
    a.peers.probe('n1:9', nodeId(7), (outcome) => outcomes.push(outcome));
    run(5_000);
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toContainEqual({
      type: 'rejected',
      by: 'them',
      reject: reject('unknownMember', 'who are you?'),
    });
    expect(outcomes).toContainEqual({ type: 'failed', reason: expect.stringContaining('n1:9') });
  });
});
