import type { PlannedProcess } from '../model/problem.ts';
import type { ProgramBuilder } from './program-builder.ts';

/** One step of a process: its columns, and the bounds that they have. */
export interface DecidedStep {
  readonly step: number;
  readonly charge: PowerColumn | undefined;
  readonly discharge: PowerColumn | undefined;
  /** The level at the start of the step; undefined in the first one, where it is given. */
  readonly before: number | undefined;
  readonly after: number;
  readonly levelKwh: readonly [lower: number, upper: number];
}

export interface PowerColumn {
  readonly column: number;
  readonly greatestKw: number;
}

/**
 * A whole number that is 1 where the process may discharge in a step, and 0 where it may charge: it never does both, and
 * discharges only inside of its V2X window. Neither rule is convex, so no linear program alone can hold them.
 */
export function addDecision(builder: ProgramBuilder, process: PlannedProcess, decided: DecidedStep): void {
  const { step, charge, discharge, before, after, levelKwh } = decided;
  if (discharge === undefined) return;
  const { id, minimumV2xKwh, maximumV2xKwh, initialKwh } = process;
  const block = `discharges/${id}`;
  const discharges = builder.addBinary(block, step);
  const row = (name: string, lower: number, upper: number): void =>
    builder.beginRow(`${name}/${block}`, step, lower, upper);
  row('only then', -Infinity, 0);
  builder.entry(discharge.column, 1);
  builder.entry(discharges, -discharge.greatestKw);
  if (charge !== undefined) {
    row('no charge', -Infinity, charge.greatestKw);
    builder.entry(charge.column, 1);
    builder.entry(discharges, charge.greatestKw);
  }
  const [lowest, highest] = levelKwh;
  if (lowest < minimumV2xKwh) {
    row('not below', lowest, Infinity);
    builder.entry(after, 1);
    builder.entry(discharges, lowest - minimumV2xKwh);
  }
  if (before !== undefined && maximumV2xKwh < highest) {
    row('not above', -Infinity, highest);
    builder.entry(before, 1);
    builder.entry(discharges, highest - maximumV2xKwh);
  } else if (before === undefined && initialKwh > maximumV2xKwh) {
    row('not above', 0, 0);
    builder.entry(discharges, 1);
  }
}

/** A whole number that is 1 where a process must not charge; returns its column. */
export function addRest(
  builder: ProgramBuilder,
  { id }: PlannedProcess,
  step: number,
  charge: PowerColumn,
): number {
  const rests = builder.addBinary(`rests/${id}`, step);
  builder.beginRow(`at rest/${id}`, step, -Infinity, charge.greatestKw);
  builder.entry(charge.column, 1);
  builder.entry(rests, charge.greatestKw);
  return rests;
}
