import { Malformed } from '../core/codec.ts';
import type { NodeId } from '../core/ids.ts';
import {
  type CommittedEntry,
  type Configuration,
  decodeConfiguration,
  isJoint,
  isVoter,
} from '../protocol/index.ts';
import type { Report } from './violation.ts';

/**
 * Who belongs to the cluster, by the configurations that replicas delivered: kept outside of them, since one that quits can
 * be asked no more.
 */
export class MembershipRecord {
  readonly #report: Report;
  #latest: Configuration | undefined;
  readonly #added = new Set<NodeId>();
  readonly #removed = new Set<NodeId>();
  readonly #refused = new Set<NodeId>();
  #joints = 0;
  #promotions = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The last one that was decided; undefined while it is the one that the cluster began with. */
  get latest(): Configuration | undefined {
    return this.#latest;
  }

  /** How many joint configurations were decided. */
  get joints(): number {
    return this.#joints;
  }

  /** How many learners became voters. */
  get promotions(): number {
    return this.#promotions;
  }

  isRemoved(id: NodeId): boolean {
    return this.#removed.has(id);
  }

  /** A client was told that the member `id`, which no other call names, was not added and never will be. */
  additionRefused(id: NodeId): void {
    this.#refused.add(id);
    if (this.#added.has(id)) this.#notFinal(id);
  }

  /** An entry of kind `configuration`; they come in the order of the log. */
  decided({ payload }: CommittedEntry): void {
    const configuration = decodeConfiguration(payload);
    if (configuration instanceof Malformed) throw configuration;
    if (isJoint(configuration)) this.#joints++;
    const learners = this.#latest?.learners ?? [];
    this.#promotions += learners.filter((id) => isVoter(configuration, id)).length;
    for (const { id } of configuration.members) {
      this.#added.add(id);
      if (this.#refused.has(id)) this.#notFinal(id);
    }
    for (const id of configuration.removed) this.#removed.add(id);
    this.#latest = configuration;
  }

  #notFinal(id: NodeId): void {
    const detail = `a client was told that the member ${id} was not added and never would be; it was`;
    this.#report({ type: 'wrong', property: 'refusals are final', detail });
  }
}
