export { type CausalVerdict, checkCausal, checkConvergence } from './causal.ts';
export { type CallId, History, type Operation } from './history.ts';
export { type KeyValueInput, type KeyValueOutput, type KeyValueState, keyValueModel } from './key-value.ts';
export {
  checkLinearizability,
  defaultStepBudget,
  type IllegalHistory,
  type Verdict,
} from './linearizability.ts';
export type { Model } from './model.ts';
export { drawIllegal } from './picture.ts';
export { checkPrefix, type Observation, type PrefixVerdict } from './prefix.ts';
export {
  checkRegular,
  checkSafe,
  type RegisterInput,
  type RegisterOperation,
  type RegisterVerdict,
} from './register.ts';
export { checkSequential } from './sequential.ts';
