import { type Command, CommanderError } from 'commander';
import { rootCommand, type Session, subcommandNamed } from './command.ts';
import { addConfigCommand } from './commands/config.ts';
import { addDeleteCommand, addGetCommand, addPutCommand } from './commands/keys.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSnapshotCommand } from './commands/snapshot.ts';
import { addStartCommand } from './commands/start.ts';
import { addStatusCommand } from './commands/status.ts';
import { addTxnCommand } from './commands/txn.ts';
import { addVersionCommand } from './commands/version.ts';
import { unknownName } from './config/configuration.ts';
import type { CliDependencies } from './dependencies.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';

/** Runs one command line, without the program's own name; resolves to the exit code and never rejects. */
export async function run(args: readonly string[], dependencies: CliDependencies): Promise<number> {
  const session: Session = { dependencies, exitCode: exitCodes.done };
  const program = buildProgram(session);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return session.exitCode;
  } catch (error) {
    return explain(error, program, args, dependencies);
  }
}

export function buildProgram(session: Session): Command {
  const program = rootCommand(session.dependencies);
  addStartCommand(program, session);
  addServeCommand(program, session);
  addPutCommand(program, session);
  addGetCommand(program, session);
  addDeleteCommand(program, session);
  addTxnCommand(program, session);
  addStatusCommand(program, session);
  addSnapshotCommand(program, session);
  addConfigCommand(program, session);
  addVersionCommand(program, session);
  return program;
}

function explain(
  error: unknown,
  program: Command,
  args: readonly string[],
  { stderr }: CliDependencies,
): number {
  if (error instanceof CommandFailure) {
    stderr.write(`quorate: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    if (error.code !== 'commander.help') {
      const command = subcommandNamed(program, args);
      stderr.write(`quorate: ${usageMessage(error, command)}\n`);
      stderr.write(`Nothing was done. "${commandPath(command)} --help" shows what there is.\n`);
    }
    return exitCodes.usage;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(
    `quorate: a mistake in quorate itself; what was asked may or may not have happened.\n${detail}\n`,
  );
  return exitCodes.unknown;
}

function usageMessage(error: CommanderError, command: Command): string {
  const flag = error.code === 'commander.unknownOption' ? /'--?([^'=]+)/.exec(error.message)?.[1] : undefined;
  if (flag === undefined) return error.message.replace(/^error: /, '');
  const known = command.options.map((option) => (option.long ?? '').replace(/^--/, ''));
  return unknownName(flag, '--', known);
}

const commandPath = (command: Command): string =>
  command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
