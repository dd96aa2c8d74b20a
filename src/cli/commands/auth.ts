import type { Command } from 'commander';
import {
  AuthDisableResponse,
  AuthEnableResponse,
  AuthStatusResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Calls, ClientFailure, methods } from '../../client/wire/index.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { json } from '../output.ts';

const scopes = ['client'] as const;

/** The one who may do everything, and the role by which it may. */
const root = 'root';

export function addAuthCommand(program: Command, session: Session): void {
  const auth = program
    .command('auth')
    .description('Whether the cluster asks who somebody is')
    .addHelpText(
      'after',
      `
Examples:
  quorate user add root
  quorate auth enable
  quorate auth status
  quorate auth disable --user root`,
    );
  addSwitch(auth, session, {
    name: 'enable',
    description: 'Ask for users from now on; the user root has to be there, and gets the role root',
    example: 'enable',
    act: enable,
    told: 'users are asked for from now on; commands take --user',
  });
  addSwitch(auth, session, {
    name: 'disable',
    description: 'Let everybody do everything again; users and roles stay',
    example: 'disable --user root',
    act: async (client) => AuthDisableResponse.toJSON(await client.call(methods.authDisable, 'write', {})),
    told: 'users are not asked for any more',
  });
  addStatus(auth, session);
}

interface Switch {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  /** Resolves to the answer in the shape of etcd's JSON. */
  readonly act: (client: Calls) => Promise<unknown>;
  readonly told: string;
}

function addSwitch(
  parent: Command,
  session: Session,
  { name, description, example, act, told }: Switch,
): void {
  addCommand(parent, name, description, scopes)
    .addHelpText('after', `\nExamples:\n  quorate auth ${example}`)
    .action(async (_flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, act);
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json' ? json(answer) : `${told}\n`,
      );
    });
}

/** As etcdctl does: who has made the user root wants it to have the role. */
async function enable(client: Calls): Promise<unknown> {
  try {
    return AuthEnableResponse.toJSON(await client.call(methods.authEnable, 'write', {}));
  } catch (error) {
    if (!refusedWith(error, /root user does not have root role/)) throw error;
    await client.call(methods.roleAdd, 'write', { name: root }).catch((cause: unknown) => {
      if (!refusedWith(cause, /role name already exists/)) throw cause;
    });
    await client.call(methods.userGrantRole, 'write', { user: root, role: root });
    return AuthEnableResponse.toJSON(await client.call(methods.authEnable, 'write', {}));
  }
}

const refusedWith = (error: unknown, text: RegExp): boolean =>
  error instanceof ClientFailure && error.type === 'refused' && text.test(error.message);

function addStatus(parent: Command, session: Session): void {
  addCommand(parent, 'status', 'Whether users are asked for', scopes)
    .addHelpText('after', '\nExamples:\n  quorate auth status')
    .action(async (_flags: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.authStatus, 'read', {}),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(AuthStatusResponse.toJSON(answer))
          : `users are ${answer.enabled ? '' : 'not '}asked for; revision ${answer.authRevision} of users and roles\n`,
      );
    });
}
