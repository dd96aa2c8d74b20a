import { emptyBytes, equalBytes } from '../core/bytes.ts';
import type { Millis, NodeId } from '../core/ids.ts';
import type { ReadStore } from '../core/store.ts';
import {
  encodeEnvelope,
  featureLevel,
  type Machine,
  type PublishedMember,
  publishedMembers,
  type Session,
  sessions,
} from '../machine/index.ts';

/** How long to wait for a system command to be applied before proposing it again. */
const retryMs = 500;

/**
 * What a replica orders on its own behalf: its session, its entry in the list of members, and, while it leads, the
 * feature level that all members have reached. Each is a goal about the state, proposed until the state says that it is
 * reached, so that losing one is harmless and executing it twice as well.
 */
export class SystemCommands {
  readonly #self: PublishedMember;
  readonly #session: Session;
  readonly #machine: Machine;
  #due: Uint8Array[] = [];
  #sessionOpen = false;
  #proposedAt: Millis | undefined;

  constructor(self: PublishedMember, session: Session, machine: Machine) {
    this.#self = self;
    this.#session = session;
    this.#machine = machine;
  }

  /** Commands of this start may be proposed. */
  get sessionOpen(): boolean {
    return this.#sessionOpen;
  }

  get pending(): boolean {
    return this.#due.length > 0;
  }

  /** Compares the goals with the state: after a start, a system entry, a snapshot, or a change of leadership. */
  review(store: ReadStore, leading: boolean, voters: readonly NodeId[]): void {
    const before = this.#due;
    this.#due = [];
    this.#sessionOpen = sessions(store).some(
      ({ session }) =>
        session.opener === this.#session.opener && session.incarnation === this.#session.incarnation,
    );
    if (!this.#sessionOpen) this.#due.push(encodeEnvelope({ type: 'openSession', session: this.#session }));
    const members = publishedMembers(store);
    const published = members.find((member) => member.id === this.#self.id);
    if (published === undefined || !sameMember(published, this.#self)) {
      this.#due.push(encodeEnvelope({ type: 'publish', member: this.#self }));
    }
    const level = featureLevel(store) + 1;
    const allPublished = voters.every((id) => members.some((member) => member.id === id));
    const allAble = members.every((member) => member.maxFeatureLevel >= level);
    if (leading && level <= this.#machine.featureLevel && allPublished && allAble) {
      this.#due.push(encodeEnvelope({ type: 'raiseFeatureLevel', to: level }));
    }
    const unchanged =
      this.#due.length === before.length &&
      this.#due.every((payload, at) => equalBytes(payload, before[at] ?? emptyBytes));
    if (!unchanged) this.#proposedAt = undefined;
  }

  /** To be proposed at once: whoever leads now has not heard of it. */
  again(): void {
    this.#proposedAt = undefined;
  }

  /** What to propose now. */
  take(now: Millis): readonly Uint8Array[] {
    if (this.#proposedAt !== undefined && now - this.#proposedAt < retryMs) return [];
    if (this.#due.length > 0) this.#proposedAt = now;
    return this.#due;
  }
}

function sameMember(a: PublishedMember, b: PublishedMember): boolean {
  return (
    a.maxFeatureLevel === b.maxFeatureLevel &&
    a.version === b.version &&
    a.clientAddresses.length === b.clientAddresses.length &&
    a.clientAddresses.every((address, at) => address === b.clientAddresses[at])
  );
}
