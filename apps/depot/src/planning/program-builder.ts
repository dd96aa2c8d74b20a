import type { Basis, LinearProgram } from './solver.ts';

/** Where the columns or rows of a program stand: by the name of a block, one index for each step, −1 where there is none. */
export type Layout = ReadonlyMap<string, Int32Array>;

export interface BuiltProgram {
  readonly program: LinearProgram;
  readonly columnLayout: Layout;
  readonly rowLayout: Layout;
}

/** Assembles a linear program column by column and row by row; a row's entries follow its `beginRow`. */
export class ProgramBuilder {
  readonly #cost: number[] = [];
  readonly #colLower: number[] = [];
  readonly #colUpper: number[] = [];
  readonly #whole: number[] = [];
  readonly #rowLower: number[] = [];
  readonly #rowUpper: number[] = [];
  readonly #rowStarts: number[] = [];
  readonly #columns: number[] = [];
  readonly #coefficients: number[] = [];
  readonly #columnBlocks = new Map<string, Int32Array>();
  readonly #rowBlocks = new Map<string, Int32Array>();
  readonly #steps: number;

  constructor(steps: number) {
    this.#steps = steps;
  }

  addColumn(block: string, step: number, cost: number, lower: number, upper: number): number {
    const index = this.#cost.push(cost) - 1;
    this.#colLower.push(lower);
    this.#colUpper.push(upper);
    this.#block(this.#columnBlocks, block)[step] = index;
    return index;
  }

  /** A column that is 0 or 1. */
  addBinary(block: string, step: number): number {
    const index = this.addColumn(block, step, 0, 0, 1);
    this.#whole.push(index);
    return index;
  }

  beginRow(block: string, step: number, lower: number, upper: number): void {
    const index = this.#rowStarts.push(this.#columns.length) - 1;
    this.#rowLower.push(lower);
    this.#rowUpper.push(upper);
    this.#block(this.#rowBlocks, block)[step] = index;
  }

  /** Adds to the row that was begun last. A column occurs once in a row. */
  entry(column: number, coefficient: number): void {
    this.#columns.push(column);
    this.#coefficients.push(coefficient);
  }

  build(): BuiltProgram {
    return {
      columnLayout: this.#columnBlocks,
      rowLayout: this.#rowBlocks,
      program: {
        columnCount: this.#cost.length,
        rowCount: this.#rowStarts.length,
        cost: Float64Array.from(this.#cost),
        colLower: Float64Array.from(this.#colLower),
        colUpper: Float64Array.from(this.#colUpper),
        rowLower: Float64Array.from(this.#rowLower),
        rowUpper: Float64Array.from(this.#rowUpper),
        rowStarts: Int32Array.from([...this.#rowStarts, this.#columns.length]),
        columns: Int32Array.from(this.#columns),
        coefficients: Float64Array.from(this.#coefficients),
        ...(this.#whole.length === 0 ? {} : { integrality: this.#integrality() }),
      },
    };
  }

  #integrality(): Int32Array {
    const flags = new Int32Array(this.#cost.length);
    for (const index of this.#whole) flags[index] = 1;
    return flags;
  }

  #block(blocks: Map<string, Int32Array>, name: string): Int32Array {
    const known = blocks.get(name);
    if (known !== undefined) return known;
    const block = new Int32Array(this.#steps).fill(-1);
    blocks.set(name, block);
    return block;
  }
}

/** A solved program, as a start for the next one. */
export interface SolvedProgram {
  readonly built: BuiltProgram;
  readonly basis: Basis;
}

// HiGHS's codes of basis status.
const nonbasicAtLower = 0;
const basic = 1;

/**
 * The basis of an earlier program carried over to one of the same family, by block and step. What is new starts as if it
 * had just been added: columns at their lower bound, rows basic. The solver repairs what does not fit together.
 */
export function transferBasis({ built, basis }: SolvedProgram, next: BuiltProgram): Basis {
  const columns = new Int32Array(next.program.columnCount).fill(nonbasicAtLower);
  const rows = new Int32Array(next.program.rowCount).fill(basic);
  transfer(built.columnLayout, basis.columns, next.columnLayout, columns);
  transfer(built.rowLayout, basis.rows, next.rowLayout, rows);
  return { columns, rows };
}

function transfer(from: Layout, status: Int32Array, to: Layout, result: Int32Array): void {
  for (const [name, indices] of to) {
    const old = from.get(name);
    if (old === undefined) continue;
    for (const [step, index] of indices.entries()) {
      const before = old[step] ?? -1;
      if (index >= 0 && before >= 0) result[index] = status[before] ?? nonbasicAtLower;
    }
  }
}
