import type { LinearProgram } from './solver.ts';

/**
 * A linear program in free MPS format, which every solver reads, to be minimised. Columns are named x0, x1, …, rows r0,
 * r1, …, the objective cost.
 */
export function toMps(program: LinearProgram): string {
  const lines = ['NAME depot', 'ROWS', ' N cost'];
  for (let row = 0; row < program.rowCount; row++) lines.push(` ${rowType(program, row)} r${row}`);
  lines.push('COLUMNS');
  const byColumn = columnEntries(program);
  for (let column = 0; column < program.columnCount; column++) {
    lines.push(...wholeMarkers(program, column));
    lines.push(` x${column} cost ${program.cost[column] ?? 0}`);
    for (const { row, coefficient } of byColumn[column] ?? [])
      lines.push(` x${column} r${row} ${coefficient}`);
  }
  if (program.integrality?.at(-1) === 1) lines.push(" M 'MARKER' 'INTEND'");
  lines.push('RHS');
  const ranges: string[] = [];
  for (let row = 0; row < program.rowCount; row++) {
    const [lower, upper] = [program.rowLower[row] ?? -Infinity, program.rowUpper[row] ?? Infinity];
    const side = rowType(program, row) === 'G' ? lower : upper;
    if (Number.isFinite(side)) lines.push(` RHS r${row} ${side}`);
    if (rowType(program, row) === 'L' && Number.isFinite(lower)) ranges.push(` RNG r${row} ${upper - lower}`);
  }
  if (ranges.length > 0) lines.push('RANGES', ...ranges);
  lines.push('BOUNDS');
  for (let column = 0; column < program.columnCount; column++) lines.push(...columnBounds(program, column));
  lines.push('ENDATA', '');
  return lines.join('\n');
}

function rowType({ rowLower, rowUpper }: LinearProgram, row: number): 'E' | 'L' | 'G' | 'N' {
  const [lower, upper] = [rowLower[row] ?? -Infinity, rowUpper[row] ?? Infinity];
  if (lower === upper) return 'E';
  if (Number.isFinite(upper)) return 'L';
  return Number.isFinite(lower) ? 'G' : 'N';
}

/** Columns that must be whole numbers stand between two markers. */
function wholeMarkers({ integrality }: LinearProgram, column: number): string[] {
  const [before, now] = [integrality?.[column - 1] ?? 0, integrality?.[column] ?? 0];
  if (before === now) return [];
  return [` M${column} 'MARKER' '${now === 1 ? 'INTORG' : 'INTEND'}'`];
}

function columnEntries(program: LinearProgram): { row: number; coefficient: number }[][] {
  const entries: { row: number; coefficient: number }[][] = Array.from(
    { length: program.columnCount },
    () => [],
  );
  for (let row = 0; row < program.rowCount; row++) {
    for (let at = program.rowStarts[row] ?? 0; at < (program.rowStarts[row + 1] ?? 0); at++) {
      entries[program.columns[at] ?? 0]?.push({ row, coefficient: program.coefficients[at] ?? 0 });
    }
  }
  return entries;
}

function columnBounds({ colLower, colUpper }: LinearProgram, column: number): string[] {
  const [lower, upper] = [colLower[column] ?? 0, colUpper[column] ?? Infinity];
  const name = `x${column}`;
  if (lower === upper) return [` FX BND ${name} ${lower}`];
  const low = lower === -Infinity ? [` MI BND ${name}`] : lower === 0 ? [] : [` LO BND ${name} ${lower}`];
  // Some readers take a negative upper bound for a lower bound of minus infinity: the lower one is then said first.
  return upper === Infinity
    ? low
    : [...(low.length > 0 ? low : [` LO BND ${name} 0`]), ` UP BND ${name} ${upper}`];
}
