/**
 * What a command's end means to a script. Codes from 126 to 165 are never used: shells give them meanings of their own.
 *
 * - `done`: it happened.
 * - `refused`: it did not happen, and will not.
 * - `usage`: the arguments or the configuration are wrong; nothing was tried.
 * - `unknown`: it may have happened, or may still happen; or its answer could not be written.
 * - `unreachable`: no server could be reached; nothing was sent.
 *
 * What `quorate sim`, `explore` and `replay` find in a protocol or in what it stands on:
 *
 * - `crash`: a replica gave up without a reason.
 * - `stalled`: nothing went on although nothing was broken any more.
 * - `wrong`: a promise was broken, or something else came out than was recorded.
 */
export const exitCodes = {
  done: 0,
  refused: 1,
  usage: 2,
  unknown: 3,
  unreachable: 4,
  crash: 10,
  stalled: 11,
  wrong: 12,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a message for people: what happened, whether it may have taken effect, what to do next. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly code = 'COMMAND_FAILURE';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const usageFailure = (message: string): CommandFailure => new CommandFailure(exitCodes.usage, message);

export const refusedFailure = (message: string): CommandFailure =>
  new CommandFailure(exitCodes.refused, message);
