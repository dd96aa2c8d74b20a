import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import type { SimFlags } from '../sim/options.ts';

export function addSimCommand(program: Command, session: Session): void {
  program
    .command('sim')
    .description('Run simulated clusters under faults, and check every promise')
    .option('--protocol <NAME>', 'The protocol to run', 'raft')
    .option(
      '--seed <N>',
      'The one world to run; with --minutes, the first. A number, or the 40 digits of a commit (default: 0)',
    )
    .option('--seeds <A..B>', 'All worlds from A to B, until one fails')
    .option('--minutes <M>', 'World after world for so many real minutes, until one fails')
    .option('--replicas <N>', 'How many in each cluster, 1 to 9 (default: drawn from the seed)')
    .option('--seconds <S>', 'Simulated seconds with faults in each world (default: 60)')
    .option(
      '--faults <KINDS>',
      'all, none, or kinds with commas between; what is no kind is answered with a list of them (default: drawn from the seed)',
    )
    .option('--unlimited', 'More faults than the cluster can survive: only safety is demanded')
    .option(
      '--mutant <NAME>',
      'Run a known mistake instead of the real code; what is no mistake is answered with a list of them',
    )
    .option('--threads <N>', 'Worlds at a time (default: one for each processor)')
    .option(
      '--shrink <DIRECTORY>',
      'Make a failing seed smaller, and write it there as a scenario and a picture',
    )
    .option('--coverage', 'Tell at the end which code of the protocol never ran; worlds run one at a time')
    .option('--json', 'One JSON object for each seed, and one more at the end with --coverage')
    .option('--verbose', 'Print every event; one world only, which --seed names, and not with --json')
    .addHelpText(
      'after',
      `
A seed is a number from which a world is drawn: a cluster of real replicas on simulated disks, networks and clocks, with
clients and faults. The same seed and flags give the same world, event by event, on every machine. Faults come first, with
safety checked after every event; then everything is healed and must go on (not with --unlimited). The first failure ends
the run and prints how to replay it. In a cluster too small for a kind of fault, that kind does not happen.

Examples:
  quorate sim --seeds 1..200
  quorate sim --seed 17 --replicas 5 --verbose
  quorate sim --minutes 10 --seed $(git rev-parse HEAD) --json
  quorate sim --seeds 1..100 --seconds 5 --mutant acknowledges-before-durable --shrink found
                                                   fails at seed 3 or so; found/diagram.svg shows why

Where the events of the protocol alone explain a failure, --shrink draws them; else it says what they leave out. Ctrl-C lets
the worlds that run end; a second one ends at once.

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
