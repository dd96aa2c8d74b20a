export type { Action } from './actions.ts';
export { type Counterexample, type Exploration, explore, type MayGoOn } from './explorer.ts';
export { configurationOf, isGivingUp } from './replicas.ts';
export { counterexampleScenario } from './scenario.ts';
export { defaultScope, describeScope, parseScope, type Scope } from './scope.ts';
