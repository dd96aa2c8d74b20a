import type { Finding } from '../../model/reader.ts';
import type { Scenario } from '../../model/scenario.ts';

/** What became of a foreign file. `notes` tell, one sentence each, what was left out or assumed. */
export type Imported<T> =
  | { readonly type: 'imported'; readonly value: T; readonly notes: readonly string[] }
  | { readonly type: 'invalid'; readonly findings: readonly Finding[] };

export type ImportedScenario = Imported<Scenario>;

export function invalid(findings: readonly Finding[]): { type: 'invalid'; findings: readonly Finding[] } {
  return { type: 'invalid', findings };
}
