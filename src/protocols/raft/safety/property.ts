import type { NodeId } from '../../../core/ids.ts';
import type { CommittedEntry } from '../../../protocol/index.ts';
import type { Entry } from '../messages.ts';
import type { State } from '../state.ts';

/** What docs/reference/properties.md says of a property. */
export interface Promised {
  readonly name: string;
  /** Beside this one. */
  readonly file: string;
  /** Where it is stated. */
  readonly source: string;
  readonly checks: string;
  readonly notChecked: string;
}

/** What a replica was like after the step before, in the same life. */
export interface Seen {
  term: number;
  commit: number;
  led: boolean;
  lastEntry: Entry | undefined;
}

/** A replica after a step. */
export interface Observed {
  readonly id: NodeId;
  readonly state: Readonly<State>;
  readonly committed: readonly CommittedEntry[];
  /** Undefined after the first step of a life. */
  readonly seen: Readonly<Seen> | undefined;
}

/** One promise between all replicas and all their lives; remembers what it has to. Throws `InvariantViolation`. */
export interface Property {
  readonly promised: Promised;
  observe(observed: Observed): void;
}
