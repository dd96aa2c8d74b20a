export type { FaultKind, WorldOptions, WorldOverrides } from './options.ts';
export { describeOptions, drawOptions } from './options.ts';
export type { Violation } from './properties.ts';
export { exitCodeOf, simulate, simulateWorld, simulationExitCodes } from './simulate.ts';
export type { WorldParts, WorldReport } from './world.ts';
