import { emptyBytes, equalBytes } from '../core/bytes.ts';
import type { NodeId } from '../core/ids.ts';
import { type Configuration, encodeConfiguration, memberOf } from '../protocol/index.ts';
import { lostDirectoryAdvice } from '../storage/advice.ts';
import type { Disk, DiskError } from '../storage/disk.ts';
import { type Facts, type Purpose, type Reject, reject, type Verdict } from '../transport/handshake.ts';
import type { Place } from '../transport/peers.ts';
import { initialConfiguration, isRolledBack } from './identity.ts';
import { type Manifest, type Roster, writeManifest } from './manifest.ts';

export interface PeeringOptions {
  readonly disk: Disk;
  /** As far as it is not in the manifest. */
  readonly facts: Pick<Facts, 'incarnation' | 'peerAddress' | 'clientAddresses' | 'protocolVersion'>;
  /** Somebody of this cluster whom the configuration known here does not name, though it knows us. */
  guest(facts: Facts): void;
  /** Digest of the state that an empty replica begins with. */
  readonly baseDigest: Uint8Array;
  /** The manifest could not be written. */
  failed(error: DiskError): void;
}

/**
 * Who this replica is, and whom it speaks with. A member is its name, its id and the data directory that it was first
 * seen with: what it has promised lies there, so another directory under its name is somebody else. A storage id is on
 * disk here before its owner is spoken with.
 */
export class Peering {
  readonly #options: PeeringOptions;
  #manifest: Manifest;
  #configuration: Configuration;
  #removed: readonly NodeId[];
  #writing = false;
  #closed: (() => void) | undefined;

  constructor(manifest: Manifest, configuration: Configuration, options: PeeringOptions) {
    this.#manifest = manifest;
    this.#configuration = configuration;
    this.#removed = configuration.removed;
    this.#options = options;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  set configuration(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** Of what is applied: only what is decided rules out a member for good. */
  set decided(configuration: Configuration) {
    this.#removed = configuration.removed;
  }

  /** This directory may take part, among those of `roster`; calls back when that is on disk. */
  admit(roster: Roster, callback: () => void): void {
    this.#write({ ...this.#manifest, phase: 'member', roster }, callback);
  }

  /** This directory must never take part again; calls back when that is on disk, as far as it can be. */
  retire(callback: () => void): void {
    const write = (): void =>
      writeManifest(this.#options.disk, { ...this.#manifest, rolledBack: true }, () => callback());
    // After a write that is under way, and nothing is written after it.
    this.#closed = this.#writing ? write : (): void => {};
    if (!this.#writing) write();
  }

  facts(to: NodeId, purpose: Purpose): Facts {
    const { clusterId, memberId, name, storageId, phase, protocol, roster } = this.#manifest;
    // An empty directory learns by probes whether it was counted; on a link it is enough to be a member.
    const isMember = purpose !== 'probe' && memberOf(this.#configuration, to) !== undefined;
    const { facts } = this.#options;
    return {
      ...facts,
      peerAddress: memberOf(this.#configuration, memberId)?.address ?? facts.peerAddress,
      clusterId,
      id: memberId,
      name,
      storageId,
      phase,
      baseDigest: phase === 'empty' ? this.#options.baseDigest : emptyBytes,
      knowsYou: roster.has(to) || isMember,
      protocol,
    };
  }

  judge(other: Facts, purpose: Purpose): Verdict {
    const { name, phase, initialMembers, roster } = this.#manifest;
    if (this.#removed.includes(other.id)) {
      return reject('removed', `${other.name} was removed from this cluster`);
    }
    const member =
      memberOf(this.#configuration, other.id) ?? initialMembers.find(({ id }) => id === other.id);
    const isGuest = member === undefined && other.phase === 'member' && other.knowsYou;
    if (!isGuest && (member === undefined || (member.name !== '' && member.name !== other.name))) {
      const stranger = `${other.name} (${other.id.toString(16)})`;
      return reject('unknownMember', `${name} knows no member ${stranger} in this cluster`);
    }
    const seen = roster.get(other.id);
    const expected = this.#directoryOf(other.id) ?? seen?.storageId;
    if (expected !== undefined && !equalBytes(expected, other.storageId)) {
      return reject(
        'storageChanged',
        `${other.name} took part with another data directory before: it must not vote with this one. Start it with the old ` +
          'directory',
      );
    }
    const known = seen !== undefined && equalBytes(seen.storageId, other.storageId) ? seen : undefined;
    if (known !== undefined && isRolledBack(other.incarnation, known.incarnation)) {
      return reject(
        'rolledBack',
        `the data directory of ${other.name} is older than what ${name} has heard of it: it has forgotten what it promised`,
      );
    }
    // Facts are for everyone who is named as a member: they are how an empty directory learns what it may do.
    if (purpose === 'probe') return { type: 'accept' };
    if (phase === 'empty' || other.phase === 'empty') {
      return reject('notReady', 'the initial members have not all been heard of yet');
    }
    if (known?.incarnation !== other.incarnation) this.#remember(other);
    if (known !== undefined) {
      if (isGuest) this.#options.guest(other);
      return { type: 'accept' };
    }
    return reject('notReady', `${name} is writing down who ${other.name} is`);
  }

  /**
   * Who an empty directory is: the member that was added at its address. One that has started already in another directory
   * is somebody else, and what it promised there is not known here.
   */
  place(hello: Facts): Reject | Place {
    const { members, learners } = this.#configuration;
    const member = members.find(({ address }) => address === hello.peerAddress);
    if (member === undefined) {
      return reject(
        'unknownMember',
        `no member has the peer address ${hello.peerAddress}: add it, with "quorate member add"`,
      );
    }
    const isNew = learners.includes(member.id) && member.storageId.length === 0;
    if (!isNew && !equalBytes(member.storageId, hello.storageId)) {
      return reject(
        'storageChanged',
        `the member at ${hello.peerAddress} has taken part with another data directory already. This empty directory must ` +
          `not vote in its place. Start with the old directory. If that is lost: ${lostDirectoryAdvice}`,
      );
    }
    if (members.some(({ id, name }) => id !== member.id && name === hello.name)) {
      return reject('duplicateName', `there is another member ${hello.name}: choose another --name`);
    }
    const initial = initialConfiguration(this.#manifest.initialMembers);
    return { id: member.id, initialMembers: encodeConfiguration(initial) };
  }

  /** Calls back when nothing is being written, and nothing will be. */
  close(callback: () => void): void {
    this.#closed = callback;
    if (!this.#writing) callback();
  }

  /** What all have agreed on counts before what was seen here. */
  #directoryOf(id: NodeId): Uint8Array | undefined {
    const storageId = memberOf(this.#configuration, id)?.storageId;
    return storageId === undefined || storageId.length === 0 ? undefined : storageId;
  }

  #remember({ id, storageId, incarnation }: Facts): void {
    if (this.#writing || this.#closed !== undefined) return; // it will knock again
    const roster = new Map(this.#manifest.roster).set(id, { storageId, incarnation });
    this.#write({ ...this.#manifest, roster }, () => {});
  }

  #write(manifest: Manifest, callback: () => void): void {
    this.#writing = true;
    writeManifest(this.#options.disk, manifest, (error) => {
      this.#writing = false;
      if (this.#closed !== undefined) return this.#closed();
      // On a full disk the old manifest is whole; whoever is not written down yet will knock again.
      if (error !== undefined && (error.kind !== 'full' || manifest.phase !== this.#manifest.phase)) {
        return this.#options.failed(error);
      }
      if (error !== undefined) return;
      this.#manifest = manifest;
      callback();
    });
  }
}
