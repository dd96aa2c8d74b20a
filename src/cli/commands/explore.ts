import type { Command } from 'commander';
import type { Session } from '../command.ts';
import type { ExploreFlags } from '../explore/run.ts';

export function addExploreCommand(program: Command, session: Session): void {
  program
    .command('explore')
    .description('Visit every state that a small cluster can reach, and check every promise')
    .option('--protocol <NAME>', 'The protocol to explore', 'raft')
    .option(
      '--scope <BOUNDS>',
      'What may happen, with commas between (default: replicas=3,terms=2,entries=1,crashes=1)',
    )
    .option('--states <N>', 'Stop as soon as so many states were visited, complete or not (default: 5000000)')
    .option(
      '--mutant <NAME>',
      'Explore a known mistake instead of the real code; what is no mistake is answered with a list of them',
    )
    .option('--from <FILE>', 'Begin where the commands of a scenario lead to')
    .option('--write <FILE>', 'Write a counterexample there, as a scenario, instead of showing it')
    .option('--json', 'One JSON object')
    .addHelpText(
      'after',
      `
The bounds of a scope: replicas, terms (epochs in which someone campaigns), entries (commands), crashes (power cuts, each with
every prefix of the unsynced records surviving), losses, duplicates (of messages), reads, heartbeats. Messages arrive in any order.
States that differ in the names of replicas only count once. A scope that names some bounds leaves the others at their defaults;
those not in the default are 0. Larger scopes take minutes to days: begin with terms=1. The answer says whether
it was complete.

Examples:
  quorate explore
  quorate explore --scope replicas=3,terms=2,entries=1,crashes=1
  quorate explore --scope terms=1,crashes=1 --mutant votes-before-durable --write counterexample.txt

Exit codes: 0 nothing was broken, as far as was explored; 2 wrong usage; 12 a promise was broken.`,
    )
    .action(async (flags: ExploreFlags) => {
      // Loaded only here: no other command needs an explorer.
      const { runExplore } = await import('../explore/run.ts');
      session.exitCode = runExplore(flags, session.dependencies);
    });
}
