import type { Clock, Timer } from '../core/clock.ts';
import { millis, type NodeId } from '../core/ids.ts';
import { guestLookMs, maxGuests, removedLinkMs } from '../core/limits.ts';
import { type Configuration, type Member, memberOf } from '../protocol/index.ts';
import type { Facts } from '../transport/handshake.ts';
import type { PeerAddress } from '../transport/link.ts';
import type { Peers } from '../transport/peers.ts';
import type { Leadership } from './driver-options.ts';
import { namesakeText, ReplicaError, removedText } from './replica-error.ts';
import type { ChangeOutcome } from './types.ts';

export interface MembershipOptions {
  readonly self: NodeId;
  readonly name: string;
  readonly clock: Clock;
  /** Keeps links to these and no others. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Facts of those whom we can send to. */
  connected(): ReadonlyMap<NodeId, Facts>;
  identify(member: Member, facts: Facts, settle: (outcome: ChangeOutcome) => void): void;
  /** Somebody whom we do not know, and there is no room for, seeks to be spoken with. */
  turnedAway(name: string): void;
  /** This replica is no member any more, or cannot become one. */
  ended(error: ReplicaError): void;
}

interface Guest extends PeerAddress {
  /** Looks in a row at which there was no link. */
  missed: number;
}

/**
 * Follows the configuration on behalf of the links: who is to be spoken with, who has just been removed and is still told
 * of it, who speaks to us though we have not heard of it yet. While it leads, it records in which data directory a member
 * that was added has started.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #configuration: Configuration;
  #leads = false;
  #identifying = false;
  #started = false;
  #closed = false;
  readonly #leaving = new Map<NodeId, PeerAddress>();
  readonly #guests = new Map<NodeId, Guest>();
  readonly #timers = new Set<Timer>();

  constructor(configuration: Configuration, options: MembershipOptions) {
    this.#configuration = configuration;
    this.#options = options;
  }

  changed(configuration: Configuration): void {
    for (const member of this.#configuration.members) {
      if (memberOf(configuration, member.id) === undefined) this.#keepForAWhile(member);
    }
    for (const id of [...configuration.members.map((member) => member.id), ...configuration.removed]) {
      this.#guests.delete(id);
    }
    this.#configuration = configuration;
    this.#connect();
    this.review();
  }

  /** Decided: whoever is removed by it will never be a member again, and a name in it is not for anybody else. */
  applied({ members, removed }: Configuration): void {
    const { self, name, ended } = this.#options;
    if (removed.includes(self)) return ended(new ReplicaError('REMOVED', removedText(name)));
    const isNameless = members.some((member) => member.id === self && member.name === '');
    if (isNameless && hasNamesake(members, self, name)) {
      ended(new ReplicaError('CONFIGURATION', namesakeText(name)));
    }
  }

  /**
   * Somebody of this cluster knows us whom we do not know: a member that was added while we were away, and through whom we
   * shall hear of that. So it gets a link, for as long as there is somebody at its end; what it may do is for the
   * protocol to say.
   */
  guest({ id, name, peerAddress }: Facts): void {
    const known = this.#guests.get(id);
    if (known !== undefined) {
      known.missed = 0;
      return;
    }
    if (this.#guests.size >= maxGuests) return this.#options.turnedAway(name);
    const guest = { id, name, address: peerAddress, missed: 0 };
    this.#guests.set(id, guest);
    this.#later(guestLookMs, () => this.#lookAfter(guest));
    this.#connect();
  }

  led({ role }: Leadership): void {
    this.#leads = role === 'leader';
    this.review();
  }

  /** From now on there are links. */
  start(): void {
    this.#started = true;
    this.#connect();
  }

  #connect(): void {
    if (!this.#started || this.#closed) return;
    const { members } = this.#configuration;
    this.#options.setPeers([...members, ...this.#leaving.values(), ...this.#guests.values()]);
  }

  /** Something may have to be recorded: after a link came up, or what leads or is a member has changed. */
  review(): void {
    if (!this.#leads || this.#identifying || this.#closed) return;
    const connected = this.#options.connected();
    for (const id of this.#configuration.learners) {
      const member = memberOf(this.#configuration, id);
      const facts = connected.get(id);
      if (member === undefined || facts === undefined || member.storageId.length > 0) continue;
      // It will learn from the configuration why nothing becomes of it.
      if (hasNamesake(this.#configuration.members, id, facts.name)) continue;
      this.#identifying = true;
      this.#options.identify(member, facts, ({ type }) => {
        this.#identifying = false;
        // Not now: another change is under way, or somebody else leads.
        if (type === 'done') this.review();
        else this.#later(retryMs, () => this.review());
      });
      return;
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #keepForAWhile(member: Member): void {
    if (this.#closed || member.id === this.#options.self) return;
    this.#leaving.set(member.id, member);
    this.#later(removedLinkMs, () => {
      this.#leaving.delete(member.id);
      this.#connect();
    });
  }

  #lookAfter(guest: Guest): void {
    if (this.#guests.get(guest.id) !== guest) return;
    guest.missed = this.#options.connected().has(guest.id) ? 0 : guest.missed + 1;
    if (guest.missed < 2) return this.#later(guestLookMs, () => this.#lookAfter(guest));
    this.#guests.delete(guest.id);
    this.#connect();
  }

  #later(ms: number, action: () => void): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const timer = clock.setTimer(millis(clock.now() + ms), () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }
}

const hasNamesake = (members: readonly Member[], id: NodeId, name: string): boolean =>
  members.some((other) => other.id !== id && other.name === name);

/** Facts of those whom `peers` can send to. */
export function connectedFacts(peers: Peers): ReadonlyMap<NodeId, Facts> {
  const connected = new Map<NodeId, Facts>();
  for (const { id, facts } of peers.status()) if (facts !== undefined) connected.set(id, facts);
  return connected;
}

/** Before asking again for what was not taken. */
const retryMs = 500;
