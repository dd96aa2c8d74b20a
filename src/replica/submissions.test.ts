import { beforeEach, describe, expect, it } from 'vitest';
import { MapStore } from '../../test/support/map-store.ts';
import { decode, Malformed } from '../core/codec.ts';
import { clusterTime, epoch, index, millis, nodeId } from '../core/ids.ts';
import { encodeEnvelope, type Machine, Replicated } from '../machine/index.ts';
import { frameKind, readForward, readRefused } from './frames.ts';
import { type Links, Submissions } from './submissions.ts';
import { SystemCommands } from './system-commands.ts';
import type { Outcome } from './types.ts';

const self = nodeId(1);
const other = nodeId(2);
const session = { opener: self, incarnation: 7 };
const machine: Machine = { name: 'none', featureLevel: 1, apply: () => Uint8Array.of() };

/** Frames that left, oldest first. */
class RecordingLinks implements Links {
  readonly sent: { to: number; kind: number; payload: Uint8Array }[] = [];
  up = true;

  send(to: number, kind: number, payload: Uint8Array): boolean {
    if (this.up) this.sent.push({ to, kind, payload });
    return this.up;
  }

  credit(): number {
    return this.up ? 1 : 0;
  }

  flush(): void {}
}

let links: RecordingLinks;
let submissions: Submissions;
let outcome: Outcome | undefined;

beforeEach(() => {
  const store = new MapStore();
  const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), removed: [] };
  const member = { id: self, clientAddresses: [], maxFeatureLevel: 1, version: '' };
  const replicated = new Replicated(machine);
  replicated.apply(encodeEnvelope({ type: 'openSession', session }), context, store);
  replicated.apply(encodeEnvelope({ type: 'publish', member }), context, store);
  const system = new SystemCommands(member, session, machine);
  system.review(store, false, [self, other]);
  links = new RecordingLinks();
  submissions = new Submissions(self, session, links, system);
  outcome = undefined;
  submissions.propose(Uint8Array.of(1), millis(1_000), (settled) => {
    outcome = settled;
  });
});

function forwardedFrame() {
  const frame = links.sent.find(({ kind }) => kind === frameKind.forward);
  const forward = frame === undefined ? undefined : decode(frame.payload, readForward);
  if (forward === undefined || forward instanceof Malformed) throw new Error('nothing was forwarded');
  return forward;
}

describe('commands on their way', () => {
  it('go to the protocol where this replica leads', () => {
    const inputs = submissions.collect(millis(0), { role: 'leader', leader: self });
    expect(inputs).toMatchObject([{ type: 'command' }]);
    expect(links.sent).toEqual([]);
  });

  it('go to the leader elsewhere, with the start that they are of', () => {
    expect(submissions.collect(millis(0), { role: 'follower', leader: other })).toEqual([]);
    expect(forwardedFrame()).toMatchObject({ incarnation: 7, submissions: [{ sequence: 1 }] });
  });

  it('stay when there is no leader, or no link to it, and go at the next chance', () => {
    submissions.collect(millis(0), { role: 'follower', leader: undefined });
    links.up = false;
    submissions.collect(millis(1), { role: 'follower', leader: other });
    expect(links.sent).toEqual([]);
    links.up = true;
    submissions.collect(millis(2), { role: 'follower', leader: other });
    expect(forwardedFrame().submissions).toHaveLength(1);
  });

  it('are refused by an answer to this start, and not by a late one to an earlier start', () => {
    submissions.collect(millis(0), { role: 'follower', leader: other });
    submissions.refused([{ incarnation: 6, sequence: 1, reason: 'storageFull' }]);
    expect(outcome).toBeUndefined();
    submissions.refused([{ incarnation: 7, sequence: 1, reason: 'storageFull' }]);
    expect(outcome).toEqual({ type: 'refused', reason: 'storageFull' });
  });

  it('of others are refused where nobody leads, with the start that they were of', () => {
    submissions.forwarded(other, {
      incarnation: 3,
      submissions: [{ sequence: 9, payload: Uint8Array.of() }],
    });
    submissions.collect(millis(0), { role: 'follower', leader: undefined });
    submissions.sendRefusals();
    const [frame] = links.sent;
    expect(frame?.to).toBe(other);
    expect(decode(frame?.payload ?? Uint8Array.of(), readRefused)).toEqual([
      { incarnation: 3, sequence: 9, reason: 'notLeader' },
    ]);
  });
});
