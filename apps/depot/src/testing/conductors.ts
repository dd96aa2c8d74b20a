import type { Plan } from '../model/plan.ts';
import type { Scenario } from '../model/scenario.ts';
import type { PhaseLimit, TopologyNode } from '../model/topology.ts';

/**
 * The conductors that a plan loads beyond their limit, in amperes and from the scenario itself: shares no code with what
 * dispatch and planning compute phases with. One sentence each.
 */
export function overloadedConductors(scenario: Scenario, plan: Plan): string[] {
  return scenario.topology.nodes.flatMap((node) =>
    node.phaseLimit === undefined ? [] : overloadsOf(scenario, plan, node, node.phaseLimit),
  );
}

function overloadsOf(
  scenario: Scenario,
  plan: Plan,
  { id }: TopologyNode,
  { currentA, voltageV }: PhaseLimit,
): string[] {
  const inside = fedBy(scenario, id);
  const generators = (scenario.fixedPower ?? []).filter(({ type }) => type === 'pv');
  const broken: string[] = [];
  for (let step = 0; step < scenario.steps; step++) {
    const amperes = new Map<string, number>();
    const carry = (conductors: readonly string[], kw: number): void => {
      for (const each of conductors)
        amperes.set(each, (amperes.get(each) ?? 0) + (1000 * kw) / conductors.length / voltageV);
    };
    for (const { id: vehicle, evse, phases = 3 } of scenario.processes) {
      const row = plan.processIds.indexOf(vehicle);
      if (!inside.has(evse) || row < 0) continue;
      const { supply } = scenario.topology.nodes.find((node) => node.id === evse) ?? {};
      carry(supply?.type === 'ac' ? supply.conductors.slice(0, phases) : all, plan.powerKw[row]?.[step] ?? 0);
    }
    for (const { type, node, kw } of scenario.fixedPower ?? [])
      if (type === 'load' && inside.has(node)) carry(all, kw[step] ?? 0);
    for (const [row, { node }] of generators.entries())
      if (inside.has(node)) carry(all, -(plan.pvKw[row]?.[step] ?? 0));
    for (const [conductor, ampere] of amperes)
      if (Math.abs(ampere) > currentA + 1e-6 * voltageV)
        broken.push(`${conductor} of ${id}, step ${step}: ${ampere} A of ${currentA} A`);
  }
  return broken;
}

const all = ['L1', 'L2', 'L3'];

function fedBy({ topology }: Scenario, root: string): Set<string> {
  const inside = new Set([root]);
  for (let size = 0; size < inside.size; ) {
    size = inside.size;
    for (const { from, to } of topology.links) if (inside.has(from)) inside.add(to);
  }
  return inside;
}
