import type { Clock } from '../../src/core/clock.ts';
import { type NodeId, nodeId } from '../../src/core/ids.ts';
import { Random } from '../../src/core/random.ts';
import type { IncomingBulk } from '../../src/transport/bulk-receiver.ts';
import { type Facts, type Purpose, reject, type Verdict } from '../../src/transport/handshake.ts';
import type { Network } from '../../src/transport/network.ts';
import { Peers } from '../../src/transport/peers.ts';
import type { PeerProblem } from '../../src/transport/problems.ts';

export function factsOf(id: number, changed: Partial<Facts> = {}): Facts {
  return {
    clusterId: 0xc1n,
    id: nodeId(id),
    name: `n${id}`,
    storageId: new Uint8Array(16).fill(id),
    incarnation: 1,
    phase: 'member',
    baseDigest: new Uint8Array(8),
    knowsYou: true,
    peerAddress: `n${id}:1`,
    clientAddresses: [`http://n${id}:2`],
    protocol: 'raft',
    protocolVersion: 1,
    ...changed,
  };
}

export interface ReceivedFrame {
  readonly from: NodeId;
  readonly session: number;
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** The transport of one replica whose host writes down what it hears. */
export class RecordingPeer {
  readonly id: NodeId;
  readonly peers: Peers;
  facts: Facts;
  verdict: (other: Facts, direction: 'inbound' | 'outbound', purpose: Purpose) => Verdict = () => ({
    type: 'accept',
  });
  onBulk: (from: Facts, header: Uint8Array, incoming: IncomingBulk) => void = (_from, _header, incoming) =>
    incoming.refuse('not expected');
  onFrame: (frame: ReceivedFrame) => void = () => {};
  readonly frames: ReceivedFrame[] = [];
  /** `up 2` and `down 2: why`, in order. */
  readonly links: string[] = [];
  readonly sessions: number[] = [];
  readonly writable: NodeId[] = [];
  readonly problems: PeerProblem[] = [];
  address = '';

  constructor(network: Network, clock: Clock, facts: Facts) {
    this.id = facts.id;
    this.facts = facts;
    this.peers = new Peers({
      self: facts.id,
      network,
      clock,
      random: Random.fromSeed(`peer ${facts.id}`),
      handlers: {
        facts: () => this.facts,
        judge: (other, direction, purpose) => this.verdict(other, direction, purpose),
        join: () => reject('unknownMember', 'nobody is added here'),
        frame: (from, session, kind, payload) => {
          const frame = { from, session, kind, payload };
          this.frames.push(frame);
          this.onFrame(frame);
        },
        up: (peer, session) => {
          this.links.push(`up ${peer}`);
          this.sessions.push(session);
        },
        down: (peer, _session, reason) => this.links.push(`down ${peer}: ${reason}`),
        writable: (peer) => this.writable.push(peer),
        bulk: (from, header, incoming) => this.onBulk(from, header, incoming),
        problem: (problem) => this.problems.push(problem),
      },
    });
  }

  /** Listens; resolves with the bound address, rejects with the error. */
  listen(address: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.peers.listen(address, (error, bound) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        this.address = bound;
        resolve(bound);
      });
    });
  }

  setMembers(...others: readonly RecordingPeer[]): void {
    this.peers.setMembers(others.map(({ id, facts, address }) => ({ id, name: facts.name, address })));
  }

  connectedTo(other: RecordingPeer): boolean {
    return this.peers.status().some(({ id, session }) => id === other.id && session !== undefined);
  }
}
