import { describe, expect, it } from 'vitest';
import { concatBytes, utf8, utf8Text } from '../core/bytes.ts';
import { Random } from '../core/random.ts';
import { frameKind } from '../replica/frames.ts';
import { encodeFrames, FrameDecoder } from '../transport/framing.ts';
import type { Connection, ConnectionHandlers } from '../transport/network.ts';
import { splitFrames } from './frames.ts';
import { Host } from './host.ts';
import type { LinkConditions } from './link.ts';
import { SimulatedNetwork } from './network.ts';
import { Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';

const calm: LinkConditions = {
  minDelayMs: 0.1,
  maxDelayMs: 5,
  slow: 50,
  loss: 0,
  duplication: 0,
  reordering: 0,
  maxLateMs: 20,
  splitting: 500,
};

class Recorder implements ConnectionHandlers {
  readonly chunks: Uint8Array[] = [];
  readonly events: string[] = [];
  open = (): void => void this.events.push('open');
  data = (chunk: Uint8Array): void => void this.chunks.push(chunk);
  drain = (): void => void this.events.push('drain');
  close = (reason: string): void => void this.events.push(reason);

  text(): string {
    return utf8Text(concatBytes(this.chunks));
  }
}

function twoHosts(conditions: LinkConditions = calm, seed = 'network') {
  const scheduler = new Scheduler();
  const random = Random.fromSeed(seed);
  const trace = new Trace();
  const network = new SimulatedNetwork({ scheduler, random, trace, conditions, split: splitFrames });
  const host = (name: string): Host => {
    const made = new Host({
      name,
      scheduler,
      random: random.stream(name),
      maxDriftPpm: 100,
      minTurnMicros: 0,
      maxTurnMicros: 500,
    });
    made.start();
    return made;
  };
  const [a, b] = [host('a'), host('b')];
  const atA = network.attach(a);
  const atB = network.attach(b);
  const server = new Recorder();
  const accepted: Connection[] = [];
  atB.listen(
    'b:1',
    (connection) => {
      connection.handlers = server;
      accepted.push(connection);
    },
    () => {},
  );
  scheduler.runUntil(1_000);
  const wait = (ms: number): void => scheduler.runUntil(scheduler.now + ms * 1_000);
  return { scheduler, network, a, b, atA, atB, server, accepted, trace, wait };
}

describe('a connection', () => {
  it('carries bytes in order, split anywhere', () => {
    const { atA, server, wait, accepted } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    let sent = '';
    for (let i = 0; i < 200; i++) {
      connection.write([utf8(`part ${i},`)]);
      sent += `part ${i},`;
    }
    wait(1_000);
    expect(client.events).toEqual(['open']);
    expect(server.text()).toBe(sent);
    expect(server.chunks.length).toBeGreaterThan(200);
    accepted[0]?.write([utf8('back')]);
    wait(100);
    expect(client.text()).toBe('back');
  });

  it('does not show the receiver what the sender does to its buffer later', () => {
    const { atA, server, wait } = twoHosts();
    const connection = atA.connect('b:1', new Recorder());
    const buffer = utf8('as sent');
    connection.write([buffer]);
    buffer.fill(0);
    wait(100);
    expect(server.text()).toBe('as sent');
  });

  it('is refused where nobody listens', () => {
    const { atA, wait } = twoHosts();
    const client = new Recorder();
    atA.connect('b:2', client);
    wait(100);
    expect(client.events).toEqual(['connection refused']);
  });

  it('holds bytes back while the link is cut, one way, and delivers them after', () => {
    const { atA, network, server, wait, accepted } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    wait(100);
    network.cut('a', 'b');
    connection.write([utf8('late')]);
    accepted[0]?.write([utf8('prompt')]);
    wait(500);
    expect(server.text()).toBe('');
    expect(client.text()).toBe('prompt');
    network.heal();
    wait(100);
    expect(server.text()).toBe('late');
  });

  it('stays cut until the last of several faults that cut it is over', () => {
    const { atA, network, server, wait } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    wait(100);
    network.cut('a', 'b');
    network.cut('a', 'b');
    connection.write([utf8('late')]);
    network.restore('a', 'b');
    wait(500);
    expect(server.text()).toBe('');
    network.restore('a', 'b');
    wait(100);
    expect(server.text()).toBe('late');
  });

  it('times out when it cannot be made', () => {
    const { atA, network, wait } = twoHosts();
    network.cut('b', 'a');
    const client = new Recorder();
    atA.connect('b:1', client);
    wait(10_000);
    expect(client.events).toEqual(['connect timed out']);
  });

  it('asks to hold back, and drains', () => {
    const { atA, network, wait } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    wait(100);
    network.cut('a', 'b');
    expect(connection.write([new Uint8Array(60_000)])).toBe(true);
    expect(connection.write([new Uint8Array(60_000)])).toBe(false);
    network.heal();
    wait(500);
    expect(client.events).toEqual(['open', 'drain']);
  });

  it('stops at a receiver that pauses', () => {
    const { atA, server, accepted, wait } = twoHosts();
    const connection = atA.connect('b:1', new Recorder());
    wait(100);
    accepted[0]?.pause();
    connection.write([utf8('held')]);
    wait(100);
    expect(server.text()).toBe('');
    accepted[0]?.resume();
    wait(100);
    expect(server.text()).toBe('held');
  });

  it('ends after what was queued', () => {
    const { atA, server, wait } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    connection.write([utf8('last words')]);
    connection.end();
    wait(200);
    expect(server.text()).toBe('last words');
    expect(server.events).toEqual(['ended by the other side']);
    expect(client.events).toHaveLength(2);
  });

  it('tells the other side when a process dies, and later when the machine lost power', () => {
    for (const powerCut of [false, true]) {
      const { atA, network, b, wait } = twoHosts();
      const client = new Recorder();
      const connection = atA.connect('b:1', client);
      wait(100);
      b.kill();
      network.processGone(b, powerCut);
      connection.write([utf8('anybody there?')]);
      wait(500);
      expect(client.events).toEqual(powerCut ? ['open'] : ['open', 'connection reset']);
      b.start();
      wait(500);
      expect(client.events).toEqual(['open', 'connection reset']);
    }
  });

  it('is closed exactly once on each side by destroy', () => {
    const { atA, server, wait } = twoHosts();
    const client = new Recorder();
    const connection = atA.connect('b:1', client);
    wait(100);
    connection.destroy();
    connection.destroy();
    wait(100);
    expect(client.events).toEqual(['open', 'closed here']);
    expect(server.events).toEqual(['closed by the other side']);
  });
});

describe('frames', () => {
  const numbered = (conditions: Partial<LinkConditions>, kind: number): number[] => {
    const { atA, server, wait } = twoHosts({ ...calm, ...conditions });
    const connection = atA.connect('b:1', new Recorder());
    for (let i = 0; i < 300; i++) {
      connection.write(encodeFrames([{ kind, payload: utf8(String(i)) }]));
      wait(1);
    }
    wait(1_000);
    const decoder = new FrameDecoder();
    for (const chunk of server.chunks) decoder.push(chunk);
    const numbers: number[] = [];
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      if ('type' in frame) throw new Error(frame.reason);
      numbers.push(Number(utf8Text(frame.payload)));
    }
    return numbers;
  };
  const all = Array.from({ length: 300 }, (_, i) => i);
  const rough = { loss: 100, duplication: 100, reordering: 100 };

  it('of the protocol are lost', () => {
    const numbers = numbered({ loss: 100 }, frameKind.protocol);
    expect(numbers.length).toBeLessThan(300);
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
  });
  it('of the protocol are doubled', () => {
    const numbers = numbered({ duplication: 100 }, frameKind.protocol);
    expect(numbers.length).toBeGreaterThan(300);
    expect(new Set(numbers)).toEqual(new Set(all));
  });
  it('of the protocol are reordered', () => {
    const numbers = numbered({ reordering: 100 }, frameKind.protocol);
    expect(numbers).not.toEqual(all);
    expect([...numbers].sort((x, y) => x - y)).toEqual(all);
  });
  it('of other kinds are not touched', () => {
    expect(numbered(rough, frameKind.forward)).toEqual(all);
  });
});

describe('the trace', () => {
  it('is the same for the same seed, and not for another', () => {
    const run = (seed: string): string => {
      const { atA, trace, wait } = twoHosts(calm, seed);
      const connection = atA.connect('b:1', new Recorder());
      for (let i = 0; i < 50; i++) connection.write([utf8(`part ${i}`)]);
      wait(1_000);
      return trace.digest();
    };
    expect(run('one')).toBe(run('one'));
    expect(run('one')).not.toBe(run('two'));
  });
});
