export * from './contract.ts';
export * from './definition.ts';
export * from './membership.ts';
