export * from './contract.ts';
export * from './definition.ts';
export * from './invariants.ts';
export * from './membership.ts';
export * from './model.ts';
export * from './reconfiguration.ts';
export * from './recording.ts';
