import type { RaftEffect } from './context.ts';
import type { Rules } from './rules.ts';

/** A known mistake: rules that replace the right ones, or a change to the effects of every step. */
export interface Mutant {
  readonly name: string;
  /** Label in docs/protocols/README.md. */
  readonly trap: string;
  readonly mistake: string;
  readonly rules?: Partial<Rules>;
  readonly effects?: (effects: RaftEffect[]) => RaftEffect[];
}
