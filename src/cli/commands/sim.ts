import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import type { SimFlags } from '../sim/options.ts';

export function addSimCommand(program: Command, session: Session): void {
  program
    .command('sim')
    .description('Run simulated clusters under faults, and check every promise')
    .option('--protocol <NAME>', 'The protocol to run', 'raft')
    .option('--seed <N>', 'One world; or, with --minutes, the first one. A number or a commit (default: 0)')
    .option('--seeds <A..B>', 'All worlds from A to B')
    .option('--minutes <M>', 'World after world for so many real minutes')
    .option('--replicas <N>', '1 to 9 (default: drawn from the seed)')
    .option('--seconds <S>', 'Simulated seconds with faults in each world (default: 60)')
    .option('--faults <KINDS>', 'all, none, or kinds with commas between (default: drawn from the seed)')
    .option('--unlimited', 'More faults than the cluster can survive: only safety is demanded')
    .option('--mutant <NAME>', 'Run a known mistake instead of the real code')
    .option('--threads <N>', 'Worlds at a time (default: one for each processor)')
    .option(
      '--shrink <DIRECTORY>',
      'Make a failing seed smaller, and write it there as a scenario and a picture',
    )
    .option('--coverage', 'Tell which code of the protocol never ran; in one thread')
    .option('--json', 'One JSON object for each seed')
    .option('--verbose', 'One world only, with every event printed')
    .addHelpText(
      'after',
      `
Each seed is a cluster of real replicas on simulated disks, networks and clocks: faults first, with safety checked
after every event; then everything is healed and must go on. The first failure ends the run and prints how to replay it.

Examples:
  quorate sim --seeds 1..200
  quorate sim --seed 17 --replicas 5 --verbose
  quorate sim --minutes 10 --seed $(git rev-parse HEAD) --json
  quorate sim --seeds 1..100 --mutant forgets-terms --shrink found      fails soon; found/diagram.svg shows why

Pictures come from --shrink, where the events of the protocol alone explain the failure. Ctrl-C lets the worlds that run
end; a second one ends at once.

Exit codes: 0 good; 2 wrong usage; 3 stopped before all was run, nothing bad so far; 10 a replica gave up
without a reason; 11 no progress although nothing was broken any more; 12 a promise was broken.`,
    )
    .action(async (flags: SimFlags) => {
      // Loaded only here: no other command needs a simulator.
      const [{ simOptions }, { runSim }] = await Promise.all([
        import('../sim/options.ts'),
        import('../sim/run.ts'),
      ]);
      session.exitCode = await runSim(simOptions(flags, availableParallelism()), session.dependencies);
    });
}
