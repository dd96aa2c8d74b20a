export type { Action } from './actions.ts';
export { NoBeginning, replicasIn } from './beginning.ts';
export { type Counterexample, type Exploration, type ExploreOptions, explore } from './explorer.ts';
export { isGivingUp } from './replicas.ts';
export { counterexampleScenario } from './scenario.ts';
export { defaultScope, describeScope, parseScope, type Scope } from './scope.ts';
