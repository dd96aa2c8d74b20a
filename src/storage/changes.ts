import type { OrderedMap } from '../core/ordered-map.ts';

/** What was written over the pairs below: a value, or undefined for a removal. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly generation: number;
  /** Among the changes of its generation. */
  readonly place: number;
}

export type Changes = OrderedMap<Change>;
