import { describe, expect, it } from 'vitest';
import type { Clock, Timer } from '../core/clock.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { reject } from '../transport/handshake.ts';
import type { ProbeOutcome } from '../transport/peers.ts';
import { Bootstrap, type BootstrapOutcome } from './bootstrap.ts';
import { clusterIdOf, initialMembersOf, memberIdOf } from './identity.ts';
import { type Manifest, manifestFormatVersion } from './manifest.ts';

const cluster = ['n1', 'n2', 'n3'].map((name) => ({ name, address: `${name}:1` }));
const clusterId = clusterIdOf('', cluster, '');
const storageOf = (name: string): Uint8Array => new Uint8Array(16).fill(name.charCodeAt(1));
const baseDigest = Uint8Array.of(1, 2, 3);

const manifest: Manifest = {
  formatVersion: manifestFormatVersion,
  clusterId,
  clusterToken: '',
  memberId: memberIdOf(clusterId, 'n1'),
  name: 'n1',
  storageId: storageOf('n1'),
  starts: 1,
  protocol: 'raft',
  machine: 'key-space',
  phase: 'empty',
  rolledBack: false,
  initialMembers: initialMembersOf(clusterId, cluster),
  roster: new Map(),
};

/** Time that stands still until the test moves it. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): Millis {
    return millis(this.#now);
  }

  setTimer(at: Millis, callback: () => void): Timer {
    const timer = { at, callback };
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
    return { cancel };
  }

  defer(callback: () => void): void {
    this.setTimer(this.now(), callback);
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

function answered(name: string, phase: 'empty' | 'member', knowsYou: boolean): ProbeOutcome {
  return {
    type: 'answered',
    facts: {
      clusterId,
      id: memberIdOf(clusterId, name),
      name,
      storageId: storageOf(name),
      incarnation: 1,
      phase,
      baseDigest,
      knowsYou,
      peerAddress: `${name}:1`,
      clientAddresses: [],
      protocol: 'raft',
      protocolVersion: 1,
    },
  };
}

/** Runs the bootstrap of n1 against what the others answer in each round. */
function admission(rounds: Record<string, ProbeOutcome>[]): {
  outcome: BootstrapOutcome | undefined;
  /** For whom it said that it waits. */
  readonly told: (readonly string[])[];
} {
  const clock = new ManualClock();
  let round = 0;
  const result: ReturnType<typeof admission> = { outcome: undefined, told: [] };
  const bootstrap = new Bootstrap({
    manifest,
    baseDigest,
    clock,
    probe: (member, callback) => {
      const answer = rounds[Math.min(round, rounds.length - 1)]?.[member.name];
      clock.defer(() => callback(answer ?? { type: 'failed', reason: 'nobody there' }));
    },
    onWaiting: (names) => result.told.push(names),
    onOutcome: (outcome) => {
      expect(result.outcome, 'decided twice').toBeUndefined();
      result.outcome = outcome;
    },
  });
  bootstrap.start();
  for (; round < rounds.length + 2; round++) {
    clock.advance(0);
    clock.advance(1_000);
  }
  bootstrap.stop();
  return result;
}

const nameOf = (id: NodeId): string | undefined => manifest.initialMembers.find((m) => m.id === id)?.name;

describe('an empty replica', () => {
  it('is admitted when all the others are empty too, and knows their directories from then on', () => {
    const { outcome } = admission([
      { n2: answered('n2', 'empty', false) },
      { n2: answered('n2', 'empty', false), n3: answered('n3', 'empty', false) },
    ]);
    expect(outcome?.type).toBe('admitted');
    const roster = outcome?.type === 'admitted' ? outcome.roster : new Map();
    expect([...roster].map(([id, { storageId }]) => [nameOf(id), storageId]).sort()).toEqual(
      ['n2', 'n3'].map((name) => [name, storageOf(name)]),
    );
  });

  it('waits while one of them has not been heard of', () => {
    expect(admission([{ n2: answered('n2', 'empty', false) }]).outcome).toBeUndefined();
  });

  it('says for whom it waits when that changes, and else every ten seconds', () => {
    const one = { n2: answered('n2', 'empty', false) };
    const { told } = admission([{}, {}, ...new Array<typeof one>(12).fill(one)]);
    expect(told).toEqual([['n2', 'n3'], ['n3'], ['n3']]);
  });

  it('is admitted by one that has begun and knows this very directory', () => {
    expect(admission([{ n3: answered('n3', 'member', true) }]).outcome?.type).toBe('admitted');
  });

  it('is not admitted by one that has begun and does not know it, nor by that one and an empty one', () => {
    const stranger = answered('n2', 'member', false);
    expect(admission([{ n2: stranger, n3: answered('n3', 'empty', false) }]).outcome).toBeUndefined();
  });

  it('is refused for good when another directory took part under its name: a wiped disk must not vote', () => {
    const changed: ProbeOutcome = {
      type: 'rejected',
      by: 'them',
      reject: reject('storageChanged', 'another'),
    };
    const { outcome } = admission([{ n2: changed }]);
    expect(outcome?.type).toBe('refused');
  });

  it('goes on asking after a refusal that can heal', () => {
    const foreign: ProbeOutcome = {
      type: 'rejected',
      by: 'them',
      reject: reject('wrongCluster', 'another cluster'),
    };
    const both = { n2: answered('n2', 'empty', false), n3: answered('n3', 'empty', false) };
    expect(admission([{ n2: foreign }, both]).outcome?.type).toBe('admitted');
  });

  it('forgets what it heard long ago: a disk can be lost in between', () => {
    const silence: Record<string, ProbeOutcome>[] = new Array(8).fill({});
    const rounds = [
      { n2: answered('n2', 'empty', false) },
      ...silence,
      { n3: answered('n3', 'empty', false) },
    ];
    expect(admission(rounds).outcome).toBeUndefined();
  });

  it('is refused when the others start from another state', () => {
    const restored = answered('n2', 'empty', false);
    const other = {
      ...restored,
      facts: {
        ...(restored as Extract<ProbeOutcome, { type: 'answered' }>).facts,
        baseDigest: Uint8Array.of(9),
      },
    } as ProbeOutcome;
    expect(admission([{ n2: other }]).outcome?.type).toBe('refused');
  });
});
