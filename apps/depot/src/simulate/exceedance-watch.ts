import type { Problem } from '../model/problem.ts';
import { isFeasible, toleranceKw, treeFlows } from '../topology/feasibility.ts';
import type { Exceedance } from './simulated-day.ts';

/** Sums up where measured power went beyond a capacity. */
export class ExceedanceWatch {
  readonly #byNode = new Map<string, { kw: number; seconds: number }>();

  /** `demandKw` is what devices take at each node in the only step of `problem`. */
  look(problem: Problem, demandKw: Float64Array, seconds: number): void {
    if (isFeasible(problem, 0, demandKw)) return;
    if (!problem.network.isTree) {
      // With several ways there is no telling which one carries too much.
      this.#add('the network', Number.NaN, seconds);
      return;
    }
    const through = treeFlows(problem, demandKw);
    for (const { index, id } of problem.network.nodes) {
      const kw = through[index] ?? 0;
      const importKw = problem.importKw[index]?.[0] ?? Number.POSITIVE_INFINITY;
      const exportKw = problem.exportKw[index]?.[0] ?? Number.POSITIVE_INFINITY;
      const beyond = Math.max(kw - importKw, -kw - exportKw);
      if (beyond > toleranceKw) this.#add(id, beyond, seconds);
    }
  }

  exceedances(): Exceedance[] {
    return [...this.#byNode].map(([node, { kw, seconds }]) => ({ node, kw, seconds }));
  }

  #add(node: string, kw: number, seconds: number): void {
    const before = this.#byNode.get(node) ?? { kw: 0, seconds: 0 };
    this.#byNode.set(node, { kw: Math.max(before.kw, kw), seconds: before.seconds + seconds });
  }
}
