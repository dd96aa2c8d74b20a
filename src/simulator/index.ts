export { type Hunt, huntFor, hunts } from './hunting.ts';
export { mutantsOf, type WorldMutant } from './mutants.ts';
export type { FaultKind, WorldOptions, WorldOverrides } from './options.ts';
export { describeOptions, drawOptions, faultKinds } from './options.ts';
export { runSeed, simulate, simulateWorld } from './simulate.ts';
export type { Violation } from './violation.ts';
export type { WorldParts, WorldReport } from './world.ts';
