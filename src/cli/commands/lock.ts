import { type Command, InvalidArgumentError } from 'commander';
import { type Client, codeOf, type Lock } from '../../client/index.ts';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { fenceVariable, settings } from '../config/settings.ts';
import { parseDuration } from '../config/values.ts';
import { CommandFailure, exitCodes, refusedFailure } from '../exit-codes.ts';
import { parseTtl } from '../lease-id.ts';
import { runHeld } from '../lock/run-held.ts';
import { jsonLine } from '../output.ts';
import { requireName } from '../recipe-name.ts';
import { fired, stopSignal } from '../stop.ts';
import { withStore } from '../store.ts';

const scopes = ['client'] as const;

interface LockFlags {
  /** Seconds. */
  readonly ttl: number;
  /** Milliseconds; undefined for as long as it takes. */
  readonly wait?: number;
}

export function addLockCommand(program: Command, session: Session): void {
  addCommand(program, 'lock', 'Hold a lock, for as long as a command runs or until Ctrl-C', scopes)
    .argument('<NAME>', 'The lock; the same one for everybody who uses this name, also with etcdctl')
    .argument('[COMMAND...]', 'What to run while it is held, behind --')
    .option('--ttl <SECONDS>', 'How long others wait if this process dies, or is cut off', parseTtl, 10)
    .option('--wait <DURATION>', 'Give up when it was not got after so long, e.g. 30s', parseWait)
    .addHelpText(
      'after',
      `
Examples:
  quorate lock nightly-report -- ./make-report.sh --all
  quorate lock maintenance                       holds it until Ctrl-C
  quorate lock nightly-report --wait 30s -- ./make-report.sh
  quorate lock deploy -- sh -c 'deploy --fence "$${fenceVariable}"'

Waiting locks get it in the order of asking, and wait for as long as it takes, or as --wait says. The command gets
${fenceVariable}, a number that is greater than that of every holder before: let whatever it writes to refuse smaller ones.
That alone is safe. When the lock is lost, because no server could be reached in time or somebody deleted its key, the
command is sent SIGTERM at once and SIGKILL soon after; it may still have been at work when another one got the lock.

Exit codes: that of the command; without a command 0, or 1 when the lock was lost; 1 also when it was not got; 3 when it was lost
while the command ran.`,
    )
    .action(async (name: string, words: readonly string[], options: LockFlags, command: Command) => {
      requireName(name);
      const configuration = configurationOf(command, scopes, session);
      const { stdout, stderr } = session.dependencies;
      const signal = stopSignal(session.dependencies);
      await withStore(session, configuration, async ({ client }) => {
        stderr.write(`waiting for ${name}\n`);
        await using lock = await waitedFor(client, name, options, signal);
        if (words.length > 0) {
          session.exitCode = await runHeld(lock, words, {
            ...options,
            signal,
            name,
            dependencies: session.dependencies,
          });
          return;
        }
        stdout.write(
          configuration.required(settings.output) === 'json'
            ? jsonLine({ key: lock.key, fence: String(lock.fence) })
            : `${name} is held: key ${lock.key}, fence ${lock.fence}; Ctrl-C gives it back\n`,
        );
        await fired(AbortSignal.any([lock.lost, signal]));
        if (!signal.aborted) throw refusedFailure(`${name} is lost: ${reasonOf(lock)}.`);
        await givenBack(lock, name, options.ttl);
      });
    });
}

function parseWait(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.type === 'problem') throw new InvalidArgumentError(`It ${parsed.problem}.`);
  return parsed.value;
}

async function waitedFor(
  client: Client,
  name: string,
  { ttl, wait }: LockFlags,
  signal: AbortSignal,
): Promise<Lock> {
  if (wait === undefined) return client.lock(name, { ttl, signal });
  const timeUp = AbortSignal.timeout(wait);
  try {
    return await client.lock(name, { ttl, signal: AbortSignal.any([signal, timeUp]) });
  } catch (error) {
    if (codeOf(error) !== 'aborted' || signal.aborted || !timeUp.aborted) throw error;
    throw refusedFailure(
      `${name} was not got in the time of --wait: somebody else holds it. Nothing was run.`,
    );
  }
}

const reasonOf = (lock: Lock): string => (lock.lost.reason as Error).message;

/** What cannot be given back runs out by itself. */
async function givenBack(lock: Lock, name: string, ttl: number): Promise<void> {
  try {
    await lock.release();
  } catch {
    throw new CommandFailure(
      exitCodes.unknown,
      `no server took ${name} back: others get it in up to ${ttl} s.`,
    );
  }
}
