import { Command, Option } from 'commander';
import { Calls, ClientFailure, type ServerAddress, type TlsOptions } from '../client/wire/index.ts';
import { commandFailure } from './client-failure.ts';
import { Configuration } from './config/configuration.ts';
import { readPem, requireUsable } from './config/files.ts';
import { type Scope, type Setting, settings, settingsOf } from './config/settings.ts';
import { type Endpoint, formatAddress } from './config/values.ts';
import { credentialsOf } from './credentials.ts';
import type { CliDependencies } from './dependencies.ts';
import { usageFailure } from './exit-codes.ts';
import { versionLine } from './version.ts';

/** One run of the program. */
export interface Session {
  readonly dependencies: CliDependencies;
  /** An `ExitCode`, or that of a command that was run. */
  exitCode: number;
}

export function rootCommand({ stdout, stderr }: CliDependencies): Command {
  return new Command('quorate')
    .description('Agreement between machines: a coordination service that speaks etcd v3.')
    .version(versionLine(), '-V, --version', 'Show the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // What went wrong is said once, by the caller, who also knows the exit code.
      outputError: () => undefined,
    })
    .configureHelp({ helpWidth: 110, showGlobalOptions: false })
    .helpCommand('help [command]', 'Show the help of a command')
    .addHelpText(
      'after',
      `
Try:
  quorate start                     three replicas on this machine, data under ./quorate-data
  quorate put greeting hello
  quorate get greeting
  quorate status

Settings are the flags that "quorate config" lists: those of serve and start, and how to reach a cluster. Each --some-flag
among them can also be given by QUORATE_SOME_FLAG, or as "some-flag: value" in a YAML file named by --config; a flag
wins over the environment, the environment over the file. "quorate config" shows what is in force. Other flags say what
one command does (get --prefix, all of sim, explore and replay), and are given as flags only.

Exit codes: 0 done; 1 refused, nothing happened; 2 wrong usage; 3 outcome unknown; 4 no server reached, nothing sent.`,
    );
}

/** Adds `name` to `parent`, with all settings of `scopes` as flags. */
export function addCommand(
  parent: Command,
  name: string,
  description: string,
  scopes: readonly Scope[],
): Command {
  const command = parent.command(name).description(description);
  const byName = new Map(scopes.flatMap(settingsOf).map((setting) => [setting.name, setting]));
  for (const setting of byName.values()) addFlag(command, setting);
  return command.option('--config <FILE>', 'Read settings from a YAML file (QUORATE_CONFIG)');
}

function addFlag(command: Command, setting: Setting<unknown>): void {
  const usage =
    setting.argument === undefined ? `--${setting.name}` : `--${setting.name} <${setting.argument}>`;
  const fallback =
    setting.argument === undefined || setting.default === undefined ? '' : ` (default: ${setting.default})`;
  command.addOption(new Option(usage, `${setting.help}${fallback}`));
}

/** The settings of a command from its parsed flags, the environment and the file; warnings go to stderr. */
export function configurationOf(command: Command, scopes: readonly Scope[], session: Session): Configuration {
  const { env, stderr } = session.dependencies;
  const flags: Record<string, string> = {};
  for (const option of command.options) {
    const given: unknown = command.getOptionValue(option.attributeName());
    if (given !== undefined) flags[(option.long ?? '').slice(2)] = String(given);
  }
  const file = flags['config'] ?? (env['QUORATE_CONFIG'] || undefined);
  const configuration = new Configuration(scopes, { flags, env, file });
  for (const warning of configuration.warnings) stderr.write(`quorate: warning: ${warning}\n`);
  return configuration;
}

export const serversOf = (configuration: Configuration): ServerAddress[] =>
  serversAt(configuration.required(settings.endpoints), configuration);

/** `endpoints` as servers, with the TLS that is configured. */
export function serversAt(endpoints: readonly Endpoint[], configuration: Configuration): ServerAddress[] {
  const tls = clientTls(configuration);
  const noFiles: TlsOptions = { ca: undefined, cert: undefined, key: undefined };
  return endpoints.map((endpoint) => ({
    address: formatAddress(endpoint),
    tls: endpoint.tls === false ? undefined : (tls ?? (endpoint.tls === true ? noFiles : undefined)),
  }));
}

export function clientTls(configuration: Configuration): TlsOptions | undefined {
  const ca = readPem(configuration, settings.cacert);
  const cert = readPem(configuration, settings.cert);
  const key = readPem(configuration, settings.key);
  if ((cert === undefined) !== (key === undefined)) {
    throw usageFailure('--cert and --key are given together or not at all.');
  }
  if (ca === undefined && cert === undefined) return undefined;
  requireUsable({ ca, cert, key }, '--cacert, --cert or --key');
  return { ca, cert, key };
}

/** Runs `use` with a client of the configured cluster; failures become messages and exit codes. */
export async function withClient<T>(
  session: Session,
  configuration: Configuration,
  use: (client: Calls) => Promise<T>,
): Promise<T> {
  const credentials = await credentialsOf(configuration, session.dependencies);
  const client = new Calls({
    servers: serversOf(configuration),
    timeoutMs: configuration.required(settings.timeout),
    ...(credentials === undefined ? {} : { credentials }),
  });
  try {
    return await use(client);
  } catch (error) {
    throw error instanceof ClientFailure ? commandFailure(error) : error;
  } finally {
    client.close();
  }
}

/** The subcommand that `args` name, as deep as they do. */
export function subcommandNamed(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const word of args) {
    const deeper = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (deeper === undefined) break;
    command = deeper;
  }
  return command;
}
