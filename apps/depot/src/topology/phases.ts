import type { Problem } from '../model/problem.ts';
import { toleranceKw } from './feasibility.ts';
import { balancedPhases, type PhaseShare } from './router.ts';

/** Whether the power of the processes and what is fed in, kW each, keep every phase limit in `step`. */
export function keepsPhaseLimits(
  problem: Problem,
  step: number,
  powerKw: ArrayLike<number>,
  pvKw: ArrayLike<number>,
  slackKw: number = toleranceKw,
): boolean {
  return phaseExcess(problem, step, powerKw, pvKw).every(({ kw }) => kw <= slackKw);
}

/** By node with a phase limit, what its most loaded conductor carries beyond it, kW; negative where there is room. */
export function phaseExcess(
  problem: Problem,
  step: number,
  powerKw: ArrayLike<number>,
  pvKw: ArrayLike<number>,
): { readonly node: number; readonly kw: number }[] {
  const { nodes } = problem.network;
  if (nodes.every(({ phaseKw }) => phaseKw === Infinity)) return [];
  const loads = new Map<number, [number, number, number]>();
  const add = (node: number, kw: number, share: PhaseShare): void => {
    for (const limited of nodes[node]?.phaseLimited ?? []) {
      const load = loads.get(limited) ?? [0, 0, 0];
      for (const phase of [0, 1, 2] as const) load[phase] += kw * share[phase];
      loads.set(limited, load);
    }
  };
  for (const [node, row] of problem.loadKw.entries()) add(node, row[step] ?? 0, balancedPhases);
  for (const [row, { node }] of problem.generation.entries()) add(node, -(pvKw[row] ?? 0), balancedPhases);
  for (const process of problem.processes) add(process.evse, powerKw[process.index] ?? 0, process.phaseShare);
  return [...loads].map(([node, load]) => ({
    node,
    kw: Math.max(...load.map(Math.abs)) - (nodes[node]?.phaseKw ?? Infinity),
  }));
}
