import type { Command } from 'commander';
import type { Session } from '../command.ts';

export function addReplayCommand(program: Command, session: Session): void {
  program
    .command('replay')
    .description('Feed a recording of a replica to its protocol again, and compare what comes out')
    .argument('<FILE>', 'A recording, written by quorate serve --record FILE')
    .addHelpText(
      'after',
      `
A protocol has no clock, no randomness and no I/O of its own, so a recording of what it took in is all of its life. Every step
is carried out again, its invariants are checked, and what it gives out has to be what was recorded, byte by byte.

Examples:
  quorate serve --config n1.yaml --record n1.recording
  quorate replay n1.recording

A process that was killed may leave its last line unfinished: that line is left out. Any other line that is no step ends the replay
as a failure that names the line. A recording holds all commands with their values, so treat it as the data itself.

Exit codes: 0 all as recorded; 1 the file is damaged, is no recording of this version, or holds no step; 2 wrong usage, or
a file that cannot be read; 12 something else came out, or a promise was broken.`,
    )
    .action(async (file: string) => {
      // Loaded only here: no other command needs it.
      const { replayFile } = await import('../replay/run.ts');
      session.exitCode = await replayFile(file, session.dependencies);
    });
}
