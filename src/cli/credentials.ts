import { readFileSync } from 'node:fs';
import type { Credentials } from '../client/wire/index.ts';
import type { Configuration } from './config/configuration.ts';
import { fileProblem } from './config/file-problem.ts';
import { settings } from './config/settings.ts';
import type { CliDependencies } from './dependencies.ts';
import { usageFailure } from './exit-codes.ts';

/** Who the configuration says that we are; asks for the password when nothing else gives it. Undefined for nobody. */
export async function credentialsOf(
  configuration: Configuration,
  dependencies: CliDependencies,
): Promise<Credentials | undefined> {
  const user = configuration.optional(settings.user);
  const token = configuration.optional(settings.token);
  if (user !== undefined && token !== undefined) {
    throw usageFailure('--user and --token both say who asks: give one of them. Nothing was sent.');
  }
  if (token !== undefined) return { token };
  if (user === undefined) return undefined;
  return namedUser(user, configuration, dependencies);
}

/** `user` is NAME, or NAME:PASSWORD as etcdctl takes it. */
export async function namedUser(
  user: string,
  configuration: Configuration,
  { terminal }: CliDependencies,
): Promise<Credentials> {
  const colon = user.indexOf(':');
  if (colon >= 0) return { name: user.slice(0, colon), password: user.slice(colon + 1) };
  const file = configuration.optional(settings.passwordFile);
  const password =
    configuration.optional(settings.password) ??
    (file === undefined ? undefined : firstLine(file)) ??
    (await terminal?.askSecret(`Password of ${user}: `));
  if (password === undefined) {
    throw usageFailure(
      `the password of ${user} is missing: give --password-file FILE, or set QUORATE_PASSWORD. Nothing was sent.`,
    );
  }
  return { name: user, password };
}

/** Of a file with a secret: editors end it with a line break that does not belong to it. */
export function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw usageFailure(`${file} cannot be read: ${fileProblem(error)}. Nothing was sent.`);
  }
}
