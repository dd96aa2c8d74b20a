import type { Command } from 'commander';
import {
  type Member,
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteResponse,
  MemberRemoveResponse,
  MemberUpdateResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Calls, methods } from '../../client/wire/index.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { formatAddress, parseAddress, parseEndpoint } from '../config/values.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';
import { hexId, json, table } from '../output.ts';

const scopes = ['client'] as const;

export function addMemberCommand(program: Command, session: Session): void {
  const member = program
    .command('member')
    .description('Show and change the members of the cluster')
    .addHelpText(
      'after',
      `
Examples:
  quorate member list
  quorate member add 10.0.0.4:2380
  quorate member remove n3

A new member is added first and started then, with an empty directory, --initial-cluster-state existing, and a --cluster
that lists it at the address that it was added with. It votes as soon as it has caught up; until then nothing waits for
it. One whose directory is lost is removed and added anew.`,
    );
  addList(member, session);
  addAdd(member, session);
  addChange(member, session, {
    name: 'remove',
    description: 'Remove a member for good: it stops, and its directory is of no use any more',
    act: async (client, { ID }) =>
      MemberRemoveResponse.toJSON(await client.call(methods.memberRemove, 'write', { ID })),
    told: (who) => `${who} is removed`,
  });
  addChange(member, session, {
    name: 'promote',
    description: 'Let a learner vote that has caught up',
    act: async (client, { ID }) =>
      MemberPromoteResponse.toJSON(await client.call(methods.memberPromote, 'write', { ID })),
    told: (who) => `${who} votes now`,
  });
  addUpdate(member, session);
}

const example = (line: string): string => `\nExamples:\n  quorate member ${line}`;

function addList(parent: Command, session: Session): void {
  const list = addCommand(parent, 'list', 'Show the members', scopes);
  list
    .addHelpText('after', example('list --output json'))
    .action(async (_options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.memberList({ linearizable: true }),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(MemberListResponse.toJSON(answer))
          : table(['ID', 'NAME', 'STATE', 'PEERS', 'CLIENTS'], answer.members.map(row)),
      );
    });
}

function addAdd(parent: Command, session: Session): void {
  addCommand(parent, 'add', 'Add a member, which is to be started afterwards', scopes)
    .argument('<HOST:PORT>', 'Where the others will reach it: its --peer, or --advertise-peer')
    .option('--learner', 'It receives everything and never votes, until it is promoted')
    .addHelpText('after', example('add 10.0.0.4:2380'))
    .action(async (text: string, options: { readonly learner?: boolean }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const request = { peerURLs: [peerUrl(text)], isLearner: options.learner === true };
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.memberAdd, 'write', request),
      );
      const { stdout } = session.dependencies;
      if (configuration.required(settings.output) === 'json') {
        stdout.write(json(MemberAddResponse.toJSON(answer)));
        return;
      }
      const { member, members } = answer;
      const cluster = members
        .filter(({ ID, name }) => ID !== member?.ID && name !== '')
        .map(({ name, peerURLs }) => `${name}=${bare(peerURLs[0] ?? '')}`);
      stdout.write(
        `${hexId(member?.ID ?? 0n)} is added at ${text}. Start it, under a name of its own, with an empty directory and:\n` +
          `  --initial-cluster-state existing --peer ${text} --cluster ${[...cluster, `NAME=${text}`].join(',')}\n`,
      );
    });
}

interface Change {
  readonly name: string;
  readonly description: string;
  /** Resolves to the answer in the shape of etcd's JSON. */
  readonly act: (client: Calls, member: Member) => Promise<unknown>;
  readonly told: (who: string) => string;
}

function addChange(parent: Command, session: Session, change: Change): void {
  addCommand(parent, change.name, change.description, scopes)
    .argument('<MEMBER>', 'Its name or id, as "quorate member list" shows them')
    .addHelpText('after', example(`${change.name} n3`))
    .action(async (text: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const changed = await withClient(session, configuration, async (client) => {
        const member = await memberNamed(client, text);
        return { member, answer: await change.act(client, member) };
      });
      show(session, configuration.required(settings.output), changed, change.told);
    });
}

function addUpdate(parent: Command, session: Session): void {
  addCommand(parent, 'update', 'Change the address at which the others reach a member', scopes)
    .argument('<MEMBER>', 'Its name or id, as "quorate member list" shows them')
    .argument('<HOST:PORT>', 'Its new peer address')
    .addHelpText('after', example('update n3 10.0.0.13:2380'))
    .action(async (text: string, address: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const peerURLs = [peerUrl(address)];
      const changed = await withClient(session, configuration, async (client) => {
        const member = await memberNamed(client, text);
        const request = { ID: member.ID, peerURLs };
        const answer = await client.call(methods.memberUpdate, 'write', request);
        return { member, answer: MemberUpdateResponse.toJSON(answer) };
      });
      show(
        session,
        configuration.required(settings.output),
        changed,
        (who) => `${who} is reached at ${address}`,
      );
    });
}

interface Changed {
  readonly member: Member;
  /** In the shape of etcd's JSON. */
  readonly answer: unknown;
}

function show(
  session: Session,
  output: string,
  { member, answer }: Changed,
  told: (who: string) => string,
): void {
  const who = member.name === '' ? hexId(member.ID) : member.name;
  session.dependencies.stdout.write(output === 'json' ? json(answer) : `${told(who)}\n`);
}

async function memberNamed(client: Calls, text: string): Promise<Member> {
  const { members } = await client.memberList({ linearizable: true });
  const found = members.filter((member) => member.name === text || hexId(member.ID) === text);
  const [member] = found;
  if (member === undefined) {
    throw refusedFailure(`there is no member ${text}; "quorate member list" shows all. Nothing was changed.`);
  }
  if (found.length > 1) {
    throw refusedFailure(`several members are named ${text}: give the id instead. Nothing was changed.`);
  }
  return member;
}

/** Servers look only at host and port: whether peers speak TLS is theirs to know. */
function peerUrl(text: string): string {
  const parsed = parseAddress(text);
  if (parsed.type === 'problem') throw usageFailure(`${parsed.problem}. Nothing was sent.`);
  return `http://${formatAddress(parsed.value)}`;
}

function bare(url: string): string {
  const endpoint = parseEndpoint(url);
  return endpoint.type === 'value' ? formatAddress(endpoint.value) : url;
}

const stateOf = ({ name, isLearner }: Member): string => {
  if (name === '') return isLearner ? 'added' : 'not started';
  return isLearner ? 'learner' : 'voter';
};

const row = (member: Member): readonly string[] => [
  hexId(member.ID),
  member.name === '' ? '-' : member.name,
  stateOf(member),
  member.peerURLs.join(' '),
  member.clientURLs.join(' ') || '-',
];
