/**
 * What a command's end means to a script. Codes from 126 to 165 are never used: shells give them meanings of their own.
 *
 * - `done`: it happened.
 * - `refused`: it did not happen, and will not.
 * - `usage`: the arguments or the configuration are wrong; nothing was tried.
 * - `unknown`: it may have happened, or may still happen; or its answer could not be written.
 * - `unreachable`: no server could be reached; nothing was sent.
 */
export const exitCodes = { done: 0, refused: 1, usage: 2, unknown: 3, unreachable: 4 } as const;

/** 10, 11 and 12 are those of `quorate sim` and `quorate explore`, which say how a world failed. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes] | 10 | 11 | 12;

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
