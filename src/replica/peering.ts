import { emptyBytes, equalBytes } from '../core/bytes.ts';
import type { NodeId } from '../core/ids.ts';
import type { Configuration } from '../protocol/index.ts';
import type { Disk, DiskError } from '../storage/disk.ts';
import { type Facts, type Purpose, reject, type Verdict } from '../transport/handshake.ts';
import { isRolledBack } from './identity.ts';
import { type Manifest, type Roster, writeManifest } from './manifest.ts';

export interface PeeringOptions {
  readonly disk: Disk;
  /** As far as it is not in the manifest. */
  readonly facts: Pick<Facts, 'incarnation' | 'peerAddress' | 'clientAddresses' | 'protocolVersion'>;
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
  #writing = false;
  #closed: (() => void) | undefined;

  constructor(manifest: Manifest, configuration: Configuration, options: PeeringOptions) {
    this.#manifest = manifest;
    this.#configuration = configuration;
    this.#options = options;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  set configuration(configuration: Configuration) {
    this.#configuration = configuration;
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

  facts(to: NodeId): Facts {
    const { clusterId, memberId, name, storageId, phase, protocol, roster } = this.#manifest;
    return {
      ...this.#options.facts,
      clusterId,
      id: memberId,
      name,
      storageId,
      phase,
      baseDigest: phase === 'empty' ? this.#options.baseDigest : emptyBytes,
      knowsYou: roster.has(to),
      protocol,
    };
  }

  judge(other: Facts, purpose: Purpose): Verdict {
    const { name, phase, initialMembers, roster } = this.#manifest;
    const member =
      this.#configuration.members.find(({ id }) => id === other.id) ??
      initialMembers.find(({ id }) => id === other.id);
    if (member === undefined || member.name !== other.name) {
      const stranger = `${other.name} (${other.id.toString(16)})`;
      return reject('unknownMember', `${name} knows no member ${stranger} in this cluster`);
    }
    const known = roster.get(other.id);
    if (known !== undefined && !equalBytes(known.storageId, other.storageId)) {
      return reject(
        'storageChanged',
        `${other.name} took part with another data directory before: it must not vote with this one. Start it with the old ` +
          'directory',
      );
    }
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
    if (known !== undefined) return { type: 'accept' };
    return reject('notReady', `${name} is writing down who ${other.name} is`);
  }

  /** Calls back when nothing is being written, and nothing will be. */
  close(callback: () => void): void {
    this.#closed = callback;
    if (!this.#writing) callback();
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
