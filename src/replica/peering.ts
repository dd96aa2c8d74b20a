import { equalBytes } from '../core/bytes.ts';
import type { NodeId } from '../core/ids.ts';
import type { Configuration } from '../protocol/index.ts';
import { type Facts, type Purpose, reject, type Verdict } from '../transport/handshake.ts';
import type { Manifest } from './manifest.ts';

/**
 * Whom this replica speaks with. A member is its name, its id and the data directory that it was first seen with: what
 * it has promised lies there, so another directory under its name is somebody else. A storage id is on disk here before
 * its owner is spoken with.
 */
export class Peering {
  readonly #remember: (id: NodeId, storageId: Uint8Array) => void;
  #manifest: Manifest;
  #configuration: Configuration;

  /** `remember` writes the storage id to disk and then hands in the new manifest. */
  constructor(
    manifest: Manifest,
    configuration: Configuration,
    remember: (id: NodeId, storageId: Uint8Array) => void,
  ) {
    this.#manifest = manifest;
    this.#configuration = configuration;
    this.#remember = remember;
  }

  set manifest(manifest: Manifest) {
    this.#manifest = manifest;
  }

  set configuration(configuration: Configuration) {
    this.#configuration = configuration;
  }

  knows(id: NodeId): boolean {
    return this.#manifest.roster.has(id);
  }

  judge(other: Facts, purpose: Purpose): Verdict {
    const member =
      this.#configuration.members.find(({ id }) => id === other.id) ??
      this.#manifest.initialMembers.find(({ id }) => id === other.id);
    if (member === undefined || member.name !== other.name) {
      return reject(
        'unknownMember',
        `${this.#manifest.name} knows no member ${other.name} (${other.id.toString(16)}) in this cluster`,
      );
    }
    const known = this.#manifest.roster.get(other.id);
    if (known !== undefined && !equalBytes(known, other.storageId)) {
      return reject(
        'storageChanged',
        `${other.name} took part with another data directory before. If that is lost, remove the member and add a new one; ` +
          `if not, start ${other.name} with the old directory`,
      );
    }
    // Facts are for everyone who is named as a member: they are how an empty directory learns what it may do.
    if (purpose === 'probe') return { type: 'accept' };
    if (this.#manifest.phase === 'empty' || other.phase === 'empty') {
      return reject('notReady', 'the initial members have not all been heard of yet');
    }
    if (known !== undefined) return { type: 'accept' };
    this.#remember(other.id, other.storageId);
    return reject('notReady', `${this.#manifest.name} is writing down who ${other.name} is`);
  }
}
