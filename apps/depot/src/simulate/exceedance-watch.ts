import type { Problem } from '../model/problem.ts';
import { netDemand } from '../strategies/dispatch.ts';
import { missingKw, toleranceKw, treeFlows } from '../topology/feasibility.ts';
import { phaseExcess } from '../topology/phases.ts';
import type { Exceedance } from './simulated-day.ts';

/** Sums up where measured power went beyond a capacity. */
export class ExceedanceWatch {
  readonly #byNode = new Map<string, { kw: number; seconds: number }>();

  /** `powerKw` and `pvKw` are what vehicles took and generation fed in, in a step of `problem`. */
  look(
    problem: Problem,
    powerKw: ArrayLike<number>,
    pvKw: ArrayLike<number>,
    seconds: number,
    step: number = 0,
  ): void {
    for (const { node, kw } of phaseExcess(problem, step, powerKw, pvKw)) {
      if (kw > toleranceKw) this.#add(`a conductor of ${problem.network.nodes[node]?.id ?? ''}`, kw, seconds);
    }
    const demandKw = netDemand(problem, step, powerKw, pvKw);
    if (!problem.network.isTree) {
      // With several ways there is no telling which one carries too much, only how much does not fit on all of them.
      const missing = missingKw(problem, step, demandKw);
      if (missing > toleranceKw) this.#add('the network', missing, seconds);
      return;
    }
    const through = treeFlows(problem, demandKw);
    for (const { index, id } of problem.network.nodes) {
      const kw = through[index] ?? 0;
      const importKw = problem.importKw[index]?.[step] ?? Number.POSITIVE_INFINITY;
      const exportKw = problem.exportKw[index]?.[step] ?? Number.POSITIVE_INFINITY;
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
