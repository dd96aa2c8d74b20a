export type { ScenarioEvent } from './model/events.ts';
export type { Battery, ChargingNeeds, ChargingProcess, CurvePoint } from './model/needs.ts';
export type { Plan, UnmetDemand } from './model/plan.ts';
export type { PlannedProcess, Problem } from './model/problem.ts';
export {
  type FixedPower,
  type Prices,
  type Scenario,
  scenarioFormat,
  type TemporaryLimit,
} from './model/scenario.ts';
export type {
  Capacity,
  Link,
  NodeType,
  Phase,
  PhaseLimit,
  Topology,
  TopologyNode,
} from './model/topology.ts';
export type { Basis, LinearProgram, LpSolution, LpSolver } from './planning/solver.ts';
export type { DepotState, StepLists, StepPolicy, Strategy, StrategyTools } from './strategies/strategy.ts';
export type { Network } from './topology/network.ts';
