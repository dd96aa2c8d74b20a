import { present } from '../core/assert.ts';
import { hex } from '../core/bytes.ts';
import type { NodeId } from '../core/ids.ts';
import { isJoint } from '../protocol/index.ts';
import type { MembershipRecord } from './membership-record.ts';
import type { Node } from './node.ts';

/** Who is a member by the configurations that were decided, and what holds for all of them. */
export class Roll {
  /** Grows when machines are added. */
  readonly #nodes: readonly Node[];
  readonly #initial: number;
  readonly #record: MembershipRecord;

  constructor(nodes: readonly Node[], initial: number, record: MembershipRecord) {
    this.#nodes = nodes;
    this.#initial = initial;
    this.#record = record;
  }

  /** The machines of those who are members by the last decision, but for disks that are known to be lost. */
  members(): Node[] {
    const latest = this.#record.latest;
    const named =
      latest === undefined
        ? this.#nodes.slice(0, this.#initial)
        : latest.members.map(({ id }) =>
            present(
              this.#nodes.find((node) => node.id === id),
              `member ${id}`,
            ),
          );
    return named.filter((node) => !node.betrayed);
  }

  /** Never true of nobody. */
  all(holds: (node: Node) => boolean): boolean {
    const members = this.members();
    return members.length > 0 && members.every(holds);
  }

  /** No change of membership waits for something to be done. */
  settled(): boolean {
    const latest = this.#record.latest;
    if (latest === undefined) return true;
    const lost = (id: NodeId): boolean => this.#nodes.some((node) => node.id === id && node.betrayed);
    return !isJoint(latest) && latest.promoting.every(lost);
  }

  /**
   * Machines of nobody who is a member. One may have been removed before it heard from anybody who is there still, and wait
   * for ever: whoever removes members switches their machines off.
   */
  strays(): Node[] {
    const members = new Set(this.members());
    return this.#nodes.filter((node) => !node.retired && !members.has(node));
  }

  /** All members hold the same state. */
  converged(): boolean {
    const members = this.members();
    const first = members[0]?.backend?.base().position.index;
    // Asked after every event: digests are compared when nothing cheaper differs.
    if (first === undefined || members.some((node) => node.backend?.base().position.index !== first))
      return false;
    const states = new Set(members.map((node) => stateOf(node)));
    return states.size === 1 && !states.has(undefined);
  }
}

/** Undefined while no replica runs there. */
export function stateOf(node: Node): string | undefined {
  const backend = node.backend;
  return backend === undefined ? undefined : `${backend.base().position.index} ${hex(backend.digest())}`;
}
