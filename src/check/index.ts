export { type CallId, History, type Operation } from './history.ts';
export { type KeyValueInput, type KeyValueOutput, type KeyValueState, keyValueModel } from './key-value.ts';
export { checkLinearizability, defaultStepBudget, type Verdict } from './linearizability.ts';
export type { Model } from './model.ts';
