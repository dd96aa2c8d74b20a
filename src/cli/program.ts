import { type Command, CommanderError } from 'commander';
import { rootCommand, type Session, subcommandNamed } from './command.ts';
import { addAuthCommand } from './commands/auth.ts';
import { addCompactCommand } from './commands/compact.ts';
import { addConfigCommand } from './commands/config.ts';
import { addCopyCommand } from './commands/copy.ts';
import { addElectCommand } from './commands/elect.ts';
import { addExploreCommand } from './commands/explore.ts';
import { addDeleteCommand, addGetCommand, addPutCommand } from './commands/keys.ts';
import { addLeaseCommand } from './commands/lease.ts';
import { addLockCommand } from './commands/lock.ts';
import { addMemberCommand } from './commands/member.ts';
import { addRecoverCommand } from './commands/recover.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addRoleCommand } from './commands/role.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSimCommand } from './commands/sim.ts';
import { addSnapshotCommand } from './commands/snapshot.ts';
import { addStartCommand } from './commands/start.ts';
import { addStatusCommand } from './commands/status.ts';
import { addTxnCommand } from './commands/txn.ts';
import { addUserCommand } from './commands/user.ts';
import { addVersionCommand } from './commands/version.ts';
import { addWatchCommand } from './commands/watch.ts';
import { unknownName } from './config/configuration.ts';
import { etcdCommand } from './config/etcd-commands.ts';
import type { CliDependencies } from './dependencies.ts';
import { CommandFailure, exitCodes, usageFailure } from './exit-codes.ts';

/** Runs one command line, without the program's own name; resolves to the exit code and never rejects. */
export async function run(args: readonly string[], dependencies: CliDependencies): Promise<number> {
  const session: Session = { dependencies, exitCode: exitCodes.done };
  const program = buildProgram(session);
  try {
    requireCommandToHelp(program, args);
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
  addWatchCommand(program, session);
  addLeaseCommand(program, session);
  addLockCommand(program, session);
  addElectCommand(program, session);
  addCompactCommand(program, session);
  addStatusCommand(program, session);
  addMemberCommand(program, session);
  addUserCommand(program, session);
  addRoleCommand(program, session);
  addAuthCommand(program, session);
  addSnapshotCommand(program, session);
  addRecoverCommand(program, session);
  addCopyCommand(program, session);
  addConfigCommand(program, session);
  addSimCommand(program, session);
  addExploreCommand(program, session);
  addReplayCommand(program, session);
  addVersionCommand(program, session);
  return program;
}

/** The library shows its general help for a command that does not exist, as if that had been asked for. */
function requireCommandToHelp(program: Command, [first, wanted]: readonly string[]): void {
  if (first !== 'help' || wanted === undefined || wanted.startsWith('-') || wanted === 'help') return;
  if (subcommandNamed(program, [wanted]) !== program) return;
  const answer = etcdCommand(wanted);
  throw usageFailure(
    `there is no command ${wanted}${answer === undefined ? '' : `: ${answer}`}. "quorate --help" lists all.`,
  );
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
      stderr.write(`quorate: ${usageMessage(error, command, program)}\n`);
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

function usageMessage(error: CommanderError, command: Command, program: Command): string {
  const named = /'([^'=]+)/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownFlag(named, command, program);
    case 'commander.unknownCommand': {
      const answer = etcdCommand(named);
      if (answer !== undefined) return `there is no command ${named}: ${answer}.`;
      break;
    }
  }
  return error.message.replace(/^error: /, '');
}

/** More commands than these are no answer to where a flag belongs. */
const mostNamed = 5;

function unknownFlag(typed: string, command: Command, program: Command): string {
  const name = typed.replace(/^-+/, '');
  const has = (each: Command): boolean =>
    each.options.some((option) => option.long === typed || option.short === typed);
  const owners = [program, ...program.commands.flatMap((each) => [each, ...each.commands])].filter(has);
  if (owners.length > mostNamed) {
    const where =
      command.commands.length > 0
        ? 'it belongs behind the name of one of its commands'
        : `${owners.length} other commands have it, and this one takes only the flags in its help`;
    return `${commandPath(command)} has no flag ${typed}; ${where}.`;
  }
  if (owners.length > 0) {
    return `${commandPath(command)} has no flag ${typed}; ${owners.map(commandPath).join(', ')} ${owners.length === 1 ? 'has' : 'have'} it.`;
  }
  // A single letter is like any other; only its case tells something.
  if (!typed.startsWith('--')) {
    const other = typed === typed.toLowerCase() ? typed.toUpperCase() : typed.toLowerCase();
    return unknownName(
      name,
      '-',
      program.options.some(({ short }) => short === other) ? [other.slice(1)] : [],
    );
  }
  return unknownName(
    name,
    '--',
    command.options.map((option) => (option.long ?? '').replace(/^--/, '')),
  );
}

const commandPath = (command: Command): string =>
  command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
