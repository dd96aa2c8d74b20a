import { hasMajority, majorityValue } from './majority.ts';

/**
 * Joint majorities (Raft thesis, section 4.3): a decision needs more than half of each group. Any two joint majorities of
 * the same groups meet, and one meets every majority of each group. A group of nobody asks for nothing.
 */
export type Groups<Id> = readonly (readonly Id[])[];

/** Whether more than half of every group support. */
export function hasJointMajority<Id>(groups: Groups<Id>, supports: (member: Id) => boolean): boolean {
  return groups.every((group) => hasMajority(group, supports));
}

/** The largest value that more than half of every group have reached; Infinity when there is nobody in any. */
export function jointMajorityValue<Id>(groups: Groups<Id>, reached: (member: Id) => number): number {
  return Math.min(...groups.map((group) => majorityValue(group, reached)));
}
