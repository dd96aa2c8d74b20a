/** The depot's planner as a library: read or write a scenario, compile it to a problem, let a strategy plan it. */

export { Random } from '../../../src/core/random.ts';
export { type Comparison, compareStrategies } from './compare/compare.ts';
export { type Measures, measure } from './compare/measures.ts';
export { drawComparison } from './figures/comparison-figure.ts';
export { drawDepot } from './figures/depot-figure.ts';
export { drawFleet } from './figures/fleet-figure.ts';
export { drawGrowth, type GrowthPoint } from './figures/growth-figure.ts';
export { drawTopology } from './figures/topology-figure.ts';
export { type Trajectory, trajectoryOfDay, trajectoryOfPlan } from './figures/trajectory.ts';
export { utilizationOfPlan } from './figures/utilization.ts';
export { drawVehicle, drawVehicles } from './figures/vehicle-figure.ts';
export { type Generated, generateScenario } from './generate/generate-scenario.ts';
export { type AcnOptions, importAcnData } from './generate/import/acn-data.ts';
export type { Imported } from './generate/import/imported.ts';
export { importPrices, importPv } from './generate/import/prices.ts';
export { importSpiceEv, type SpiceEvOptions } from './generate/import/spice-ev.ts';
export { parseSpecification } from './generate/read-specification.ts';
export { defaultSpecification, type Specification } from './generate/specification.ts';
export { compileProblem, type Now } from './model/compile-problem.ts';
export type { Battery, ChargingNeeds, ChargingProcess, CurvePoint } from './model/needs.ts';
export { describeFindings, type ParsedScenario, parseScenario } from './model/parse-scenario.ts';
export type { Plan, UnmetDemand, UnmetReason } from './model/plan.ts';
export type { PlannedProcess, Problem } from './model/problem.ts';
export type { Finding } from './model/reader.ts';
export {
  type FixedPower,
  type Prices,
  type Scenario,
  type ScenarioEvent,
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
export { toMps } from './planning/export.ts';
export { FormerPlan } from './planning/former-plan.ts';
export { openInlineSolver } from './planning/highs.ts';
export { costObjective, earlyObjective, type Objective, type Order } from './planning/objective.ts';
export { type Optimum, offlineOptimum } from './planning/optimum.ts';
export { planDepot } from './planning/planner.ts';
export type { PlannedPower, PlanOptions, PlanResult, WarmStart } from './planning/solve-program.ts';
export type { Basis, LinearProgram, LpSolution, LpSolver, SolveOptions } from './planning/solver.ts';
export { openWorkerSolver } from './planning/worker-solver.ts';
export {
  allTriggers,
  type SimulationOptions,
  type StrategySwitch,
  simulateDay,
} from './simulate/simulate-day.ts';
export type { SimulatedDay } from './simulate/simulated-day.ts';
export { type EqualOptions, equal } from './strategies/equal.ts';
export { type EvolutionaryOptions, evolutionary } from './strategies/evolutionary.ts';
export { withoutManagement } from './strategies/no-management.ts';
export { PlanningFailed, type PlanningOptions, planning } from './strategies/planning.ts';
export { type PvSurplusOptions, pvSurplus } from './strategies/pv-surplus.ts';
export { type RecedingHorizonOptions, recedingHorizon } from './strategies/receding-horizon.ts';
export { isStrategyName, type StrategyName, strategies } from './strategies/registry.ts';
export { runStrategy } from './strategies/run.ts';
export type { DepotState, StepLists, StepPolicy, Strategy, StrategyTools } from './strategies/strategy.ts';
export { planViolations } from './strategies/verify.ts';
export { isFeasible, linkFlows } from './topology/feasibility.ts';
export { compileNetwork, type Network } from './topology/network.ts';
export type { NetworkUtilization, Utilization } from './topology/utilization.ts';
export { validateTopology } from './topology/validate.ts';
