import type { Problem } from '../model/problem.ts';
import { StepFlowNetwork } from './flow-network.ts';

/** What one kW of a device puts on the three conductors, kW. */
export type PhaseShare = readonly [number, number, number];

export const balancedPhases: PhaseShare = [1 / 3, 1 / 3, 1 / 3];

/** Books power in one step, device by device; what is booked stays within every capacity and phase limit. */
export interface Router {
  /**
   * Lets a device at `node` take `kw` more (negative: feed in, or give back), or as much of it as there is room for;
   * returns how much that was, with the sign of `kw`.
   */
  route(node: number, kw: number, share: PhaseShare): number;
}

/** A router with the promised loads booked; when these alone exceed a limit, there is no room left below it. */
export function openRouter(problem: Problem, step: number): Router {
  const router = problem.network.isTree ? new TreeRouter(problem, step) : new GraphRouter(problem, step);
  return new PhaseRouter(problem, step, router);
}

/** Fast path: on a tree the room is the least room on the only way to the grid. */
class TreeRouter implements Router {
  readonly #problem: Problem;
  readonly #step: number;
  readonly #throughKw: Float64Array;

  constructor(problem: Problem, step: number) {
    this.#problem = problem;
    this.#step = step;
    this.#throughKw = new Float64Array(problem.network.nodes.length);
    for (const { index } of problem.network.nodes) this.#book(index, problem.loadKw[index]?.[step] ?? 0);
  }

  route(node: number, kw: number): number {
    let room = Math.abs(kw);
    for (let at = node; at >= 0; at = this.#feeder(at)) {
      const through = this.#throughKw[at] ?? 0;
      const importKw = this.#problem.importKw[at]?.[this.#step] ?? 0;
      const exportKw = this.#problem.exportKw[at]?.[this.#step] ?? 0;
      room = Math.min(room, kw > 0 ? importKw - through : exportKw + through);
    }
    const routed = Math.sign(kw) * Math.max(0, room);
    this.#book(node, routed);
    return routed;
  }

  #book(node: number, kw: number): void {
    if (kw === 0) return;
    for (let at = node; at >= 0; at = this.#feeder(at)) this.#throughKw[at] = (this.#throughKw[at] ?? 0) + kw;
  }

  #feeder(node: number): number {
    const { nodes, links } = this.#problem.network;
    return links[nodes[node]?.feeders[0] ?? -1]?.from ?? -1;
  }
}

/** In general: each booking is an augmentation of one flow, which may lead what was booked before another way. */
class GraphRouter implements Router {
  readonly #network: StepFlowNetwork;

  constructor(problem: Problem, step: number) {
    this.#network = new StepFlowNetwork(problem, step);
    for (const { index } of problem.network.nodes) this.route(index, problem.loadKw[index]?.[step] ?? 0);
  }

  route(node: number, kw: number): number {
    const { graph, outer, inner } = this.#network;
    const grid = outer[0] ?? 0;
    const device = inner[node] ?? 0;
    return kw > 0 ? graph.augment(grid, device, kw) : -graph.augment(device, grid, -kw);
  }
}

/** Adds the limits of conductors to another router. */
class PhaseRouter implements Router {
  readonly #problem: Problem;
  readonly #router: Router;
  /** By node with a phase limit, what is on its conductors, kW. */
  readonly #loadKw = new Map<number, [number, number, number]>();

  constructor(problem: Problem, step: number, router: Router) {
    this.#problem = problem;
    this.#router = router;
    for (const { index, phaseKw } of problem.network.nodes)
      if (phaseKw < Infinity) this.#loadKw.set(index, [0, 0, 0]);
    for (const { index } of problem.network.nodes) {
      this.#book(index, problem.loadKw[index]?.[step] ?? 0, balancedPhases);
    }
  }

  route(node: number, kw: number, share: PhaseShare): number {
    let room = Math.abs(kw);
    for (const limited of this.#problem.network.nodes[node]?.phaseLimited ?? []) {
      const load = this.#loadKw.get(limited) ?? [0, 0, 0];
      const limit = this.#problem.network.nodes[limited]?.phaseKw ?? 0;
      for (const phase of [0, 1, 2] as const) {
        if (share[phase] <= 0) continue;
        room = Math.min(room, (limit - Math.sign(kw) * load[phase]) / share[phase]);
      }
    }
    const routed = this.#router.route(node, Math.sign(kw) * Math.max(0, room), share);
    this.#book(node, routed, share);
    return routed;
  }

  #book(node: number, kw: number, share: PhaseShare): void {
    if (kw === 0) return;
    for (const limited of this.#problem.network.nodes[node]?.phaseLimited ?? []) {
      const load = this.#loadKw.get(limited);
      if (load === undefined) continue;
      for (const phase of [0, 1, 2] as const) load[phase] += kw * share[phase];
    }
  }
}
