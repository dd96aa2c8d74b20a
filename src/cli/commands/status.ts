import type { Command } from 'commander';
import { type Member, StatusResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { abandonable } from '../../client/abandonable.ts';
import { pause } from '../../client/pause.ts';
import { Calls, ClientFailure, type ServerAddress } from '../../client/wire/index.ts';
import { addCommand, clientTls, configurationOf, type Session, serversOf, withClient } from '../command.ts';
import type { Configuration } from '../config/configuration.ts';
import { settings } from '../config/settings.ts';
import { formatAddress, parseEndpoint } from '../config/values.ts';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import { byteSize, hexId, json, jsonLine, table } from '../output.ts';
import { Screen } from '../screen.ts';
import { stopSignal } from '../stop.ts';

const scopes = ['client'] as const;

interface ServerReport {
  readonly endpoint: string;
  readonly member: Member | undefined;
  readonly answer: StatusResponse | ClientFailure;
}

export function addStatusCommand(program: Command, session: Session): void {
  addCommand(program, 'status', 'Show what every replica says of itself', scopes)
    .option('--watch', 'Again and again, every second, until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  quorate status
  quorate status --endpoints 10.0.0.1:2379,10.0.0.2:2379 --output json
  quorate status --watch

Without --endpoints, all members of the cluster that answers at the default addresses are asked. The exit code is 0
when at least one server answered, and 4 when none did. With --watch, --output json writes one line each time.`,
    )
    .action(async (flags: { readonly watch?: true }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      if (flags.watch === true) return watchStatus(session, configuration);
      const reports = await takeReports(session, configuration);
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(reports.map(plainReport))
          : picture(reports),
      );
      if (reports.every((report) => report.answer instanceof ClientFailure)) {
        throw new CommandFailure(
          exitCodes.unreachable,
          'no server answered. Is the cluster up, and --endpoints right?',
        );
      }
    });
}

const picture = (reports: readonly ServerReport[]): string =>
  table(
    ['ENDPOINT', 'NAME', 'ID', 'ROLE', 'TERM', 'APPLIED', 'DB SIZE', 'ETCD API', 'NOTES'],
    reports.map(row),
  );

const watchIntervalMs = 1_000;

/** Servers that do not answer are part of the picture, and end nothing. */
async function watchStatus(session: Session, configuration: Configuration): Promise<void> {
  const { stdout } = session.dependencies;
  const asJson = configuration.required(settings.output) === 'json';
  const signal = stopSignal(session.dependencies);
  const screen = new Screen(stdout);
  while (!signal.aborted) {
    const reports = await abandonable(takeReports(session, configuration), signal, stopped).catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (reports === undefined) return;
    const time = new Date().toISOString();
    if (asJson) stdout.write(jsonLine({ time, replicas: reports.map(plainReport) }));
    else screen.show(`${time}  every second; Ctrl-C ends\n\n${picture(reports)}`);
    await pause(watchIntervalMs, signal);
  }
}

const stopped = (): Error => new Error('stopped');

async function takeReports(session: Session, configuration: Configuration): Promise<readonly ServerReport[]> {
  const members = await membersOf(session, configuration);
  return Promise.all(
    serversToAsk(configuration, members).map((server) => ask(server, members, configuration)),
  );
}

/** What one replica knows of the members; it need not have a leader for that. */
async function membersOf(session: Session, configuration: Configuration): Promise<readonly Member[]> {
  try {
    const answer = await withClient(session, configuration, (client) =>
      client.memberList({ linearizable: false }),
    );
    return answer.members;
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode !== exitCodes.usage) return [];
    throw error;
  }
}

function serversToAsk(configuration: Configuration, members: readonly Member[]): readonly ServerAddress[] {
  const named = serversOf(configuration);
  if (configuration.isChosen(settings.endpoints)) return named;
  const tls = clientTls(configuration);
  const published = members
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((member) => {
      const endpoint = parseEndpoint(member.clientURLs[0] ?? '');
      return endpoint.type === 'value' ? [{ address: formatAddress(endpoint.value), tls }] : [];
    });
  return published.length === 0 ? named : published;
}

async function ask(
  server: ServerAddress,
  members: readonly Member[],
  configuration: Configuration,
): Promise<ServerReport> {
  const client = new Calls({ servers: [server], timeoutMs: configuration.required(settings.timeout) });
  try {
    const answer = await client.status();
    const member = members.find((each) => each.ID === answer.header?.memberId);
    return { endpoint: server.address, member, answer };
  } catch (error) {
    if (!(error instanceof ClientFailure)) throw error;
    return { endpoint: server.address, member: memberAt(server.address, members), answer: error };
  } finally {
    client.close();
  }
}

const memberAt = (address: string, members: readonly Member[]): Member | undefined =>
  members.find((member) => member.clientURLs.some((url) => url.endsWith(`//${address}`)));

/** An unreachable server is named by the client, and by the report already. */
const problemOf = (endpoint: string, { message }: ClientFailure): string =>
  message.startsWith(`${endpoint}: `) ? message.slice(endpoint.length + 2) : message;

function roleOf(answer: StatusResponse): string {
  if (answer.isLearner) return 'learner';
  if (answer.leader === 0n) return 'no leader';
  return answer.leader === answer.header?.memberId ? 'leader' : 'follower';
}

function row({ endpoint, member, answer }: ServerReport): readonly string[] {
  const name = member?.name ?? '-';
  if (answer instanceof ClientFailure) {
    return [
      endpoint,
      name,
      member === undefined ? '-' : hexId(member.ID),
      answer.type,
      '-',
      '-',
      '-',
      '-',
      problemOf(endpoint, answer),
    ];
  }
  return [
    endpoint,
    name,
    hexId(answer.header?.memberId ?? 0n),
    roleOf(answer),
    String(answer.raftTerm),
    String(answer.raftAppliedIndex),
    byteSize(answer.dbSize),
    answer.version,
    answer.errors.join('; '),
  ];
}

function plainReport({ endpoint, member, answer }: ServerReport): object {
  const name = member?.name ?? null;
  return answer instanceof ClientFailure
    ? { endpoint, name, answered: false, problem: problemOf(endpoint, answer) }
    : { endpoint, name, answered: true, role: roleOf(answer), status: StatusResponse.toJSON(answer) };
}
