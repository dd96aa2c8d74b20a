/**
 * Majorities: any two of the same members meet. Of no members at all the empty set is a quorum, which is what makes a
 * configuration without outgoing voters the special case of a joint one.
 */

/** The smallest number of members that is more than half of `count`. */
export const majorityOf = (count: number): number => Math.floor(count / 2) + 1;

/** Whether more than half of `members` support. */
export function hasMajority<Id>(members: readonly Id[], supports: (member: Id) => boolean): boolean {
  if (members.length === 0) return true;
  let supporters = 0;
  for (const member of members) if (supports(member)) supporters++;
  return supporters >= majorityOf(members.length);
}

/** The largest value that more than half of `members` have reached; Infinity for no members. */
export function majorityValue<Id>(members: readonly Id[], reached: (member: Id) => number): number {
  if (members.length === 0) return Number.POSITIVE_INFINITY;
  const values = members.map((member) => reached(member)).sort((a, b) => b - a);
  return values[majorityOf(members.length) - 1] as number;
}
