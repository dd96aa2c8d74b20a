import type { NodeId } from '../core/ids.ts';
import { maxGuests } from '../core/limits.ts';
import type { PeerProblem } from '../transport/problems.ts';
import type { Leadership } from './driver-options.ts';
import type { ReplicaObserver } from './observer.ts';

/** What happens between replicas, for the log: with ids as `quorate status` shows them, and names where they are known. */
export class ReplicaLog {
  readonly #observer: ReplicaObserver;
  readonly #nameOf: (id: NodeId) => string | undefined;

  constructor(observer: ReplicaObserver, nameOf: (id: NodeId) => string | undefined) {
    this.#observer = observer;
    this.#nameOf = nameOf;
  }

  linkUp(peer: NodeId): void {
    this.#observer.log('info', 'link up', this.#member(peer));
  }

  linkDown(peer: NodeId, reason: string): void {
    this.#observer.log('info', 'link down', { ...this.#member(peer), reason });
  }

  /** A peer that was stopped in good order cannot be reached either: that alone is nothing to be warned of. */
  problem({ peer, ...problem }: PeerProblem): void {
    const fields = { ...(peer === undefined ? {} : this.#member(peer)), ...problem };
    if (problem.type === 'unreachable') {
      this.#observer.log('info', 'a replica cannot be reached', fields);
      return;
    }
    // Part of every first start: it heals as soon as both have written down who the other is.
    const passing = problem.code === 'notReady';
    this.#observer.log(passing ? 'debug' : 'warn', 'trouble between replicas', fields);
  }

  leadership({ role, leader, epoch }: Leadership): void {
    if (leader === undefined) return this.#observer.log('info', 'no leader', { role, epoch });
    const id = leader.toString(16);
    this.#observer.log('info', `${this.#nameOf(leader) ?? id} leads`, { role, leader: id, epoch });
  }

  waiting(missing: readonly string[]): void {
    this.#observer.log('info', 'waiting to hear of all initial members', { missing });
  }

  turnedAway(name: string): void {
    const fields = { peerName: name, max: maxGuests };
    this.#observer.log(
      'warn',
      'no link for a replica that is not known here: there are too many of them',
      fields,
    );
  }

  #member(peer: NodeId): Readonly<Record<string, unknown>> {
    const name = this.#nameOf(peer);
    return { peer: peer.toString(16), ...(name === undefined ? {} : { peerName: name }) };
  }
}
