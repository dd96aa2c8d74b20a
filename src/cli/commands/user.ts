import { type Command, Option } from 'commander';
import {
  AuthUserAddResponse,
  AuthUserChangePasswordResponse,
  AuthUserDeleteResponse,
  AuthUserGetResponse,
  AuthUserGrantRoleResponse,
  AuthUserListResponse,
  AuthUserRevokeRoleResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Calls, methods } from '../../client/wire/index.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { newPassword, newPasswordHelp } from '../new-password.ts';
import { json, table } from '../output.ts';

const scopes = ['client'] as const;

export function addUserCommand(program: Command, session: Session): void {
  const user = program
    .command('user')
    .description('Who may use the cluster')
    .addHelpText(
      'after',
      `
Examples:
  quorate user add root
  quorate auth enable
  quorate user add alice --user root
  quorate user grant-role alice app --user root
  quorate user list --user root

Users are asked for once "quorate auth enable" was given. What a user may do is in roles: see "quorate role --help".`,
    );
  addAdd(user, session);
  addPasswd(user, session);
  addGet(user, session);
  addList(user, session);
  addChange(user, session, {
    name: 'delete',
    description: 'Remove a user',
    example: 'delete alice',
    act: async (client, name) =>
      AuthUserDeleteResponse.toJSON(await client.call(methods.userDelete, 'write', { name })),
    told: (name) => `${name} is deleted`,
  });
  addRoleChange(user, session, {
    name: 'grant-role',
    description: 'Let a user do what a role may do',
    example: 'grant-role alice app',
    act: async (client, user, role) =>
      AuthUserGrantRoleResponse.toJSON(await client.call(methods.userGrantRole, 'write', { user, role })),
    told: (name, role) => `${name} has the role ${role}`,
  });
  addRoleChange(user, session, {
    name: 'revoke-role',
    description: 'Take a role away from a user',
    example: 'revoke-role alice app',
    act: async (client, name, role) =>
      AuthUserRevokeRoleResponse.toJSON(await client.call(methods.userRevokeRole, 'write', { name, role })),
    told: (name, role) => `${name} has the role ${role} no more`,
  });
}

const example = (line: string): string => `\nExamples:\n  quorate user ${line}`;

interface PasswordFlags {
  readonly newPasswordFile?: string;
}

function addAdd(parent: Command, session: Session): void {
  addCommand(parent, 'add', 'Make a user', scopes)
    .argument('<NAME>', 'The user')
    .option('--new-password-file <FILE>', 'The file whose first line is the password')
    .addOption(
      new Option(
        '--no-password',
        'Known by the common name of a client certificate, and in no other way',
      ).conflicts('newPasswordFile'),
    )
    .addHelpText(
      'after',
      `${example('add alice')}\n  quorate user add alice < password.txt\n\n${newPasswordHelp}`,
    )
    .action(
      async (name: string, flags: PasswordFlags & { password: false | undefined }, command: Command) => {
        const configuration = configurationOf(command, scopes, session);
        const noPassword = flags.password === false;
        const password = noPassword
          ? ''
          : await newPassword(name, flags.newPasswordFile, session.dependencies);
        const answer = await withClient(session, configuration, (client) =>
          client.call(methods.userAdd, 'write', {
            name,
            password,
            options: { noPassword },
            hashedPassword: '',
          }),
        );
        const facts = AuthUserAddResponse.toJSON(answer);
        tell(session, configuration.required(settings.output), facts, `${name} is added`);
      },
    );
}

function addPasswd(parent: Command, session: Session): void {
  addCommand(parent, 'passwd', 'Change the password of a user', scopes)
    .argument('<NAME>', 'The user')
    .option('--new-password-file <FILE>', 'The file whose first line is the password')
    .addHelpText(
      'after',
      `${example('passwd alice')}\n\n${newPasswordHelp} Tokens that were issued for the old one end.`,
    )
    .action(async (name: string, flags: PasswordFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const password = await newPassword(name, flags.newPasswordFile, session.dependencies);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.userChangePassword, 'write', { name, password, hashedPassword: '' }),
      );
      const facts = AuthUserChangePasswordResponse.toJSON(answer);
      tell(session, configuration.required(settings.output), facts, `${name} has a new password`);
    });
}

function addGet(parent: Command, session: Session): void {
  addCommand(parent, 'get', 'Show the roles of a user', scopes)
    .argument('<NAME>', 'The user')
    .addHelpText('after', example('get alice'))
    .action(async (name: string, _flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.userGet, 'read', { name }),
      );
      const { roles } = answer;
      const said = roles.length === 0 ? `${name} has no roles` : `${name} has ${roles.join(', ')}`;
      tell(session, configuration.required(settings.output), AuthUserGetResponse.toJSON(answer), said);
    });
}

function addList(parent: Command, session: Session): void {
  addCommand(parent, 'list', 'Show all users', scopes)
    .addHelpText('after', example('list'))
    .action(async (_flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.userList, 'read', {}),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(AuthUserListResponse.toJSON(answer))
          : table(
              ['USER'],
              answer.users.map((name) => [name]),
            ),
      );
    });
}

interface Change {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  /** Resolves to the answer in the shape of etcd's JSON. */
  readonly act: (client: Calls, name: string) => Promise<unknown>;
  readonly told: (name: string) => string;
}

function addChange(parent: Command, session: Session, change: Change): void {
  addCommand(parent, change.name, change.description, scopes)
    .argument('<NAME>', 'The user')
    .addHelpText('after', example(change.example))
    .action(async (name: string, _flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) => change.act(client, name));
      tell(session, configuration.required(settings.output), answer, change.told(name));
    });
}

interface RoleChange {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  /** Resolves to the answer in the shape of etcd's JSON. */
  readonly act: (client: Calls, name: string, role: string) => Promise<unknown>;
  readonly told: (name: string, role: string) => string;
}

function addRoleChange(parent: Command, session: Session, change: RoleChange): void {
  addCommand(parent, change.name, change.description, scopes)
    .argument('<NAME>', 'The user')
    .argument('<ROLE>', 'The role; root may do everything')
    .addHelpText('after', example(change.example))
    .action(async (name: string, role: string, _flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) => change.act(client, name, role));
      const output = configuration.required(settings.output);
      tell(session, output, answer, change.told(name, role));
    });
}

function tell(session: Session, output: 'table' | 'json', facts: unknown, words: string): void {
  session.dependencies.stdout.write(output === 'json' ? json(facts) : `${words}\n`);
}
