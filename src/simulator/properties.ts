import { equalBytes } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { type Epoch, type Index, index, type ReadId } from '../core/ids.ts';
import type { CommittedEntry, Effect, Input } from '../protocol/index.ts';
import { MembershipRecord } from './membership-record.ts';
import type { WorldOptions } from './options.ts';
import type { PropertyName } from './property-list.ts';
import type { Report } from './violation.ts';

/** What seldom happens, and has to for some mistakes to show. */
export type Milestone = 'jointConfiguration' | 'promotion' | 'leaseRead';

/**
 * What must hold across all replicas and all their lives, whatever the protocol: so it is kept outside of them, since a
 * replica that restarts forgets.
 */
export class ClusterProperties {
  readonly membership: MembershipRecord;
  readonly #report: Report;
  readonly #leaders = new Map<Epoch, string>();
  /** From index 1 on. */
  readonly #decided: CommittedEntry[] = [];
  /** How often each effect was asked for: what never happened was not tested. */
  readonly effects = new Map<Effect['type'], number>();
  #decidedIndexes = 0;
  #readsAtOnce = 0;
  readonly #appliedBy = new Map<string, Index>();
  readonly #digests = new Map<Index, { readonly digest: string; readonly host: string }>();

  constructor(report: Report) {
    this.#report = report;
    this.membership = new MembershipRecord(report);
  }

  /** How many indexes some replica has committed an entry at. */
  get decidedIndexes(): number {
    return this.#decidedIndexes;
  }

  /** Up to where `host` was seen to have applied; 0 for nothing. */
  appliedBy(host: string): Index {
    return this.#appliedBy.get(host) ?? index(0);
  }

  digestAt(at: Index): string | undefined {
    return this.#digests.get(at)?.digest;
  }

  /** In how many epochs somebody led. */
  get ledEpochs(): number {
    return this.#leaders.size;
  }

  /** Reads that were granted in the step that asked for them: among several voters, by a lease. */
  get readsAtOnce(): number {
    return this.#readsAtOnce;
  }

  /** One step on `host`. */
  stepped(host: string, inputs: readonly Input[], effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'readable' && isAskedFor(effect.id, inputs)) this.#readsAtOnce++;
      this.effects.set(effect.type, (this.effects.get(effect.type) ?? 0) + 1);
      if (effect.type === 'commit') for (const entry of effect.entries) this.#committed(host, entry);
      if (effect.type === 'status' && effect.role === 'leader') this.#leads(host, effect.epoch);
    }
  }

  /** The whole state after `index`: one index, one state. */
  applied(host: string, at: Index, digest: string): void {
    this.#appliedBy.set(host, index(Math.max(at, this.appliedBy(host))));
    const known = this.#digests.get(at);
    if (known === undefined) this.#digests.set(at, { digest, host });
    else if (known.digest !== digest) {
      this.#wrong('equal states', `after ${at}, ${host} holds ${digest} and ${known.host} ${known.digest}`);
    }
  }

  #leads(host: string, epoch: Epoch): void {
    const known = this.#leaders.get(epoch);
    if (known === undefined) this.#leaders.set(epoch, host);
    else if (known !== host) this.#wrong('one leader per epoch', `${known} and ${host} lead epoch ${epoch}`);
  }

  #committed(host: string, entry: CommittedEntry): void {
    const known = this.#decided[entry.index];
    if (known === undefined) {
      this.#decided[entry.index] = entry;
      this.#decidedIndexes++;
      if (entry.kind === 'configuration') this.membership.decided(entry);
    } else if (!isSame(known, entry)) {
      const detail = `${host} commits at ${entry.index} ${describeEntry(entry)}; decided was ${describeEntry(known)}`;
      this.#wrong('agreement', detail);
    }
  }

  #wrong(property: PropertyName, detail: string): void {
    this.#report({ type: 'wrong', property, detail });
  }
}

/** How often a world came to each of them. */
export const reachedIn = (
  { leaseReads, replicas }: WorldOptions,
  { membership, readsAtOnce }: ClusterProperties,
): ReadonlyMap<Milestone, number> =>
  new Map([
    ['jointConfiguration', membership.joints],
    ['promotion', membership.promotions],
    ['leaseRead', leaseReads === undefined || replicas === 1 ? 0 : readsAtOnce],
  ]);

const isAskedFor = (id: ReadId, inputs: readonly Input[]): boolean =>
  inputs.some((input) => input.type === 'read' && input.id === id);

const isSame = (one: CommittedEntry, other: CommittedEntry): boolean =>
  one.epoch === other.epoch &&
  one.kind === other.kind &&
  one.time === other.time &&
  equalBytes(one.payload, other.payload);

const describeEntry = ({ kind, epoch, time, payload }: CommittedEntry): string =>
  `${kind} of epoch ${epoch}, time ${time}, checksum ${crc32c(payload)}`;
