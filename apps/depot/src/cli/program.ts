import { Command, CommanderError } from 'commander';
import { addCompareCommand } from './commands/compare.ts';
import { addGenerateCommand } from './commands/generate.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addSimulateCommand } from './commands/simulate.ts';
import { CommandFailure, type ExitCode, exitCodes, type Session } from './session.ts';

/** Runs one command line, without the program's own name; resolves to the exit code and never rejects. */
export async function run(args: readonly string[], session: Session): Promise<ExitCode> {
  const program = buildProgram(session);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    return explain(error, session);
  }
}

function buildProgram(session: Session): Command {
  const program = new Command('depot')
    .description('Smart load management of a depot of electric vehicles with bidirectional power transfer.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.stdout.write(text),
      writeErr: (text) => session.stderr.write(text),
      // What went wrong is said once, where the exit code is known.
      outputError: () => undefined,
    })
    .configureHelp({ helpWidth: 110 })
    .helpCommand('help [command]', 'Show the help of a command')
    .addHelpText(
      'after',
      `
Try:
  npm run depot -- generate --seed 7 --vehicles 40 --out scenario.json
  npm run depot -- plan scenario.json --figures figures
  npm run depot -- compare scenario.json
  npm run depot -- simulate scenario.json --strategy planning --replan 5m

Results go to stdout, progress and remarks to stderr.
Exit codes: 0 done; 1 refused or failed; 2 wrong usage, nothing was tried.`,
    );
  addGenerateCommand(program, session);
  addPlanCommand(program, session);
  addCompareCommand(program, session);
  addSimulateCommand(program, session);
  return program;
}

function explain(error: unknown, { stderr }: Session): ExitCode {
  if (error instanceof CommandFailure) {
    stderr.write(`depot: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    if (error.code !== 'commander.help') {
      stderr.write(`depot: ${error.message.replace(/^error: /, '')}\n`);
      stderr.write('Nothing was done. "--help" after a command shows what there is.\n');
    }
    return exitCodes.usage;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(`depot: a mistake in depot itself; what was asked was not finished.\n${detail}\n`);
  return exitCodes.failed;
}
