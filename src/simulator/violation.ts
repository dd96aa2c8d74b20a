import type { PropertyName } from './property-list.ts';

/** How a world failed. `crash`: code of ours gave up. `stalled`: no progress without faults. `wrong`: a promise is broken. */
export interface Violation {
  readonly type: 'crash' | 'stalled' | 'wrong';
  readonly property: PropertyName;
  readonly detail: string;
}

/** Called with the first thing that goes wrong; later ones only follow from it. */
export type Report = (violation: Violation) => void;

/** With where it came from, as far as that is known. */
export const describeError = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
