import { concatBytes, utf8Text } from '../core/bytes.ts';
import { firstLine } from './credentials.ts';
import type { CliDependencies } from './dependencies.ts';
import { refusedFailure, usageFailure } from './exit-codes.ts';

/** For the help of commands that take one. */
export const newPasswordHelp = `The password is asked for on a terminal, twice and without showing it; elsewhere it is the first line of stdin, or of
--new-password-file. It is never an argument, since others on this machine can see those.`;

/** The password that a user is to have: from `file`, from whoever sits at the terminal, or from stdin. */
export async function newPassword(
  user: string,
  file: string | undefined,
  { terminal, stdin }: CliDependencies,
): Promise<string> {
  const password =
    file !== undefined
      ? firstLine(file)
      : terminal === undefined
        ? await firstLineOf(stdin)
        : await askTwice(user, terminal);
  if (password === '') {
    throw usageFailure(
      `the new password of ${user} is empty: give one, on a terminal, by stdin or by --new-password-file. Nothing was sent.`,
    );
  }
  return password;
}

async function askTwice(user: string, terminal: NonNullable<CliDependencies['terminal']>): Promise<string> {
  const password = await terminal.askSecret(`New password of ${user}: `);
  const again = await terminal.askSecret('Again: ');
  if (password !== again) throw refusedFailure('the two are not the same. Nothing was sent.');
  return password;
}

async function firstLineOf(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin) chunks.push(chunk);
  try {
    return utf8Text(concatBytes(chunks)).split(/\r?\n/, 1)[0] ?? '';
  } catch {
    throw usageFailure('stdin is not text. Nothing was sent.');
  }
}
