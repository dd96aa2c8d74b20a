import type { Mutant } from './mutant.ts';

/** Known mistakes about who takes part, and about leases. */
export const membershipMutants: readonly Mutant[] = [
  {
    name: 'configures-at-commit',
    trap: 'thesis 4.1',
    mistake: 'A configuration counts when it is known to be committed, and not when it is in the log.',
    rules: { inForce: (configurations, commit) => configurations.inForceAt(commit) },
  },
  {
    name: 'changes-twice-at-once',
    trap: 'thesis 4.1',
    mistake: 'A change is begun before the one before it is committed.',
    rules: { followsChange: () => true },
  },
  {
    name: 'changes-before-own-entry',
    trap: 'R-9',
    mistake: 'A leader begins a change before it has committed anything in its term.',
    rules: { mayReconfigure: () => true },
  },
  {
    name: 'counts-learners',
    trap: 'R-11',
    mistake: 'Learners count like voters.',
    rules: { electorate: ({ voters, outgoing, learners }) => [[...voters, ...learners], outgoing] },
  },
  {
    name: 'decides-by-one-half',
    trap: 'R-11',
    mistake: 'In a joint configuration the new half decides alone.',
    rules: { electorate: ({ voters }) => [voters] },
  },
  {
    name: 'leads-after-removal',
    trap: 'R-11',
    mistake: 'A leader goes on leading when its own removal is committed.',
    rules: { resigns: () => false },
  },
  {
    name: 'learners-turn-candidates-away',
    trap: 'R-12',
    mistake: 'Who does not know yet that it votes does not answer candidates.',
    rules: { answersCandidates: (votes) => votes },
  },
  {
    name: 'removed-never-campaign',
    trap: 'R-14',
    mistake: 'Who is removed by the last entry of its log does not campaign, though only that log can win.',
    rules: { mayCampaign: ({ current }, _, self) => current.configuration.voters.includes(self) },
  },
  {
    name: 'promotes-at-once',
    trap: 'thesis 4.2.1',
    mistake: 'A learner becomes a voter however much it lacks.',
    rules: { isInSync: () => true },
  },
  {
    name: 'changes-without-asking',
    trap: 'thesis 4.2',
    mistake:
      'Who was heard of lately is taken to live: who votes is changed though one of them has just stopped.',
    rules: { livesSince: () => true },
  },
  {
    name: 'lease-from-answer',
    trap: 'R-16',
    mistake: 'A lease is measured from when the answer came, and not from when the question was sent.',
    rules: { leaseStart: (_, answeredAt) => answeredAt },
  },
  {
    name: 'lease-without-promise',
    trap: 'R-16',
    mistake: 'A leader takes it that whoever answers keeps the promise that it would keep itself.',
    rules: { promised: (_, electionTimeout) => electionTimeout },
  },
  {
    name: 'lease-outlasts-promise',
    trap: 'R-16',
    mistake: 'A lease lasts longer than its followers wait.',
    rules: { leaseLength: (promise) => 2 * promise },
  },
  {
    name: 'lease-through-transfer',
    trap: 'R-16',
    mistake: 'A leader that has asked for an election still trusts its lease.',
    rules: { mayLease: () => true },
  },
  {
    name: 'promise-ends-with-term',
    trap: 'R-16',
    mistake: 'Whoever has promised to vote for nobody votes for a candidate of the term that it is in.',
    rules: { holdsPromise: (candidate, own) => candidate > own },
  },
  {
    name: 'restart-forgets-promise',
    trap: 'R-16',
    mistake: 'A replica that has been started again votes at once, as if it had promised nothing before.',
    rules: { remembersPromise: () => false },
  },
];
