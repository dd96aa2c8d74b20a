import { Argument, type Command } from 'commander';
import type { Permission } from '../../api/etcd/gen/authpb/auth.ts';
import {
  AuthRoleAddResponse,
  AuthRoleDeleteResponse,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionResponse,
  AuthRoleListResponse,
  AuthRoleRevokePermissionResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Calls, methods, prefixEnd } from '../../client/wire/index.ts';
import { compareBytes } from '../../core/bytes.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { json, printable, table } from '../output.ts';
import { addRangeFlags, type RangeFlags, rangeOf } from './keys.ts';

const scopes = ['client'] as const;

/** In the order of their numbers in etcd's API. */
const kinds = ['read', 'write', 'readwrite'] as const;
type Kind = (typeof kinds)[number];

const kindOf = ({ permType }: Permission): Kind | 'unknown' =>
  kinds.find((_kind, at) => at === permType) ?? 'unknown';

export function addRoleCommand(program: Command, session: Session): void {
  const role = program
    .command('role')
    .description('What users may do')
    .addHelpText(
      'after',
      `
Examples:
  quorate role add app
  quorate role grant app readwrite app/ --prefix
  quorate role grant app read config/mode
  quorate role get app
  quorate user grant-role alice app

A role is a list of permissions on keys or ranges of keys. The role root may do everything.`,
    );
  addChange(role, session, {
    name: 'add',
    description: 'Make a role, without permissions',
    act: async (client, name) =>
      AuthRoleAddResponse.toJSON(await client.call(methods.roleAdd, 'write', { name })),
    told: (name) => `${name} is added`,
  });
  addChange(role, session, {
    name: 'delete',
    description: 'Remove a role, also from all users who have it',
    act: async (client, role) =>
      AuthRoleDeleteResponse.toJSON(await client.call(methods.roleDelete, 'write', { role })),
    told: (name) => `${name} is deleted`,
  });
  addGet(role, session);
  addList(role, session);
  addGrant(role, session);
  addRevoke(role, session);
}

const example = (line: string): string => `\nExamples:\n  quorate role ${line}`;

interface Change {
  readonly name: string;
  readonly description: string;
  /** Resolves to the answer in the shape of etcd's JSON. */
  readonly act: (client: Calls, name: string) => Promise<unknown>;
  readonly told: (name: string) => string;
}

function addChange(parent: Command, session: Session, change: Change): void {
  addCommand(parent, change.name, change.description, scopes)
    .argument('<ROLE>', 'The role')
    .addHelpText('after', example(`${change.name} app`))
    .action(async (name: string, _flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) => change.act(client, name));
      tell(session, configuration.required(settings.output), answer, change.told(name));
    });
}

function addGet(parent: Command, session: Session): void {
  addCommand(parent, 'get', 'Show the permissions of a role', scopes)
    .argument('<ROLE>', 'The role')
    .addHelpText('after', example('get app'))
    .action(async (role: string, _flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.roleGet, 'read', { role }),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(AuthRoleGetResponse.toJSON(answer))
          : table(
              ['PERMISSION', 'KEYS'],
              answer.perm.map((each) => [kindOf(each), keysOf(each)]),
            ),
      );
    });
}

function keysOf({ key, rangeEnd }: Permission): string {
  if (rangeEnd.length === 0) return printable(key);
  const isOpen = compareBytes(rangeEnd, Uint8Array.of(0)) === 0;
  if (isOpen && key.every((byte) => byte === 0)) return 'all keys';
  if (compareBytes(rangeEnd, prefixEnd(key)) === 0) return `all that begin with ${printable(key)}`;
  return isOpen ? `from ${printable(key)} on` : `from ${printable(key)} on, below ${printable(rangeEnd)}`;
}

function addList(parent: Command, session: Session): void {
  addCommand(parent, 'list', 'Show all roles', scopes)
    .addHelpText('after', example('list'))
    .action(async (_flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.roleList, 'read', {}),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(AuthRoleListResponse.toJSON(answer))
          : table(
              ['ROLE'],
              answer.roles.map((name) => [name]),
            ),
      );
    });
}

function addGrant(parent: Command, session: Session): void {
  addRangeFlags(
    addCommand(parent, 'grant', 'Add a permission to a role', scopes)
      .argument('<ROLE>', 'The role')
      .addArgument(new Argument('<PERMISSION>', 'What it may do').choices(kinds))
      .argument('<KEY>', 'With which key'),
  )
    .addHelpText(
      'after',
      `${example('grant app readwrite app/ --prefix')}\n  quorate role grant backup read "" --prefix           all keys`,
    )
    .action(async (name: string, kind: Kind, key: string, flags: RangeFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const perm: Permission = { permType: permissionType(kind), ...rangeOf(key, flags) };
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.roleGrantPermission, 'write', { name, perm }),
      );
      const facts = AuthRoleGrantPermissionResponse.toJSON(answer);
      tell(session, configuration.required(settings.output), facts, `${name} may ${kind} ${keysOf(perm)}`);
    });
}

function permissionType(kind: Kind): Permission['permType'] {
  switch (kind) {
    case 'read':
      return 0;
    case 'write':
      return 1;
    case 'readwrite':
      return 2;
  }
}

function addRevoke(parent: Command, session: Session): void {
  addRangeFlags(
    addCommand(parent, 'revoke', 'Take a permission away from a role', scopes)
      .argument('<ROLE>', 'The role')
      .argument('<KEY>', 'The key or range that it was granted for'),
  )
    .addHelpText('after', example('revoke app app/ --prefix'))
    .action(async (role: string, key: string, flags: RangeFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const range = rangeOf(key, flags);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.roleRevokePermission, 'write', { role, ...range }),
      );
      const words = `${role} has no permission of its own any more for ${keysOf({ permType: 0, ...range })}`;
      const facts = AuthRoleRevokePermissionResponse.toJSON(answer);
      tell(session, configuration.required(settings.output), facts, words);
    });
}

function tell(session: Session, output: 'table' | 'json', facts: unknown, words: string): void {
  session.dependencies.stdout.write(output === 'json' ? json(facts) : `${words}\n`);
}
