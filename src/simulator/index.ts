export { huntingWorld } from './hunting.ts';
export { mutantsOf, type WorldMutant } from './mutants.ts';
export type { FaultKind, WorldOptions, WorldOverrides } from './options.ts';
export { describeOptions, drawOptions, faultKinds } from './options.ts';
export type { Violation } from './properties.ts';
export { exitCodeOf, runSeed, simulate, simulateWorld, simulationExitCodes } from './simulate.ts';
export type { WorldParts, WorldReport } from './world.ts';
