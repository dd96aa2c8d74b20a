import { CoordinationError, type Outcome } from '../errors.ts';

/** The cluster that a client belongs to: the one that answered first. Revisions and leases of another one mean nothing here. */
export class HomeCluster {
  #id: bigint | undefined;

  /** An error when this is another one; `outcome` is what became of the call that it answered. */
  check(id: bigint, outcome: Outcome): CoordinationError | undefined {
    this.#id ??= id;
    if (id === this.#id) return undefined;
    const done = outcome === 'unknown' ? '. It may have taken effect there' : '';
    return new CoordinationError(
      'otherCluster',
      outcome,
      `a server of the cluster ${id.toString(16)} answers where one of ${this.#id.toString(16)} was: its revisions are others${done}`,
    );
  }
}
