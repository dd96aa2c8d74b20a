import { openRouter } from '../topology/router.ts';
import { percentToTarget } from './in-order.ts';
import type { Strategy } from './strategy.ts';

/** Percent that a process gets in each turn. */
const turnPercent = 10;

/**
 * Turns of a tenth of the maximum power, until nobody can take more or the network is full (as the round robin of ACN-Sim,
 * Lee et al. 2021). Who begins moves on with every step.
 */
export function roundRobin(): Strategy {
  return {
    name: 'round-robin',
    summary: 'Power is dealt out in turns of a tenth of the maximum.',
    prepare: async (problem) => ({
      listsFor: (state) => {
        const router = openRouter(problem, state.step);
        const percentOfMaximum = new Float64Array(problem.processes.length);
        const wanted = problem.processes.map((process) => percentToTarget(problem, process, state));
        const active = problem.processes.filter(({ index }) => (wanted[index] ?? 0) > 0);
        const start = active.length > 0 ? state.step % active.length : 0;
        const order = [...active.slice(start), ...active.slice(0, start)];
        for (let queue = order; queue.length > 0; ) {
          queue = queue.filter(({ index, evse, maximumChargeKw, phaseShare }) => {
            const percent = percentOfMaximum[index] ?? 0;
            const turn = Math.min(turnPercent, (wanted[index] ?? 0) - percent);
            const routed = router.route(evse, (turn / 100) * maximumChargeKw, phaseShare);
            const dealt = (100 * routed) / maximumChargeKw;
            percentOfMaximum[index] = percent + dealt;
            return dealt >= turnPercent - 1e-6;
          });
        }
        return { executionPriority: order.map(({ index }) => index), percentOfMaximum };
      },
    }),
  };
}
