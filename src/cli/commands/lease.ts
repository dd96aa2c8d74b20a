import type { Command } from 'commander';
import {
  LeaseGrantResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { codeOf } from '../../client/index.ts';
import { pause } from '../../client/pause.ts';
import { methods } from '../../client/wire/index.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { refusedFailure } from '../exit-codes.ts';
import { parseLeaseId, parseTtl } from '../lease-id.ts';
import { hexId, json, jsonLine, printable, table } from '../output.ts';
import { stopSignal } from '../stop.ts';
import { type Store, withStore } from '../store.ts';

const scopes = ['client'] as const;

export function addLeaseCommand(program: Command, session: Session): void {
  const lease = program
    .command('lease')
    .description('Keys that live only as long as somebody says so')
    .addHelpText(
      'after',
      `
Examples:
  quorate lease grant 60
  quorate put session/7 here --lease 694d1e0f
  quorate lease keep-alive 694d1e0f
  quorate lease ttl 694d1e0f --keys
  quorate lease revoke 694d1e0f

A lease that is not kept alive for its time to live ends, and its keys are deleted with it. Ids are in hexadecimal,
except with --output json: there they are decimal, as in etcd's JSON.`,
    );
  addGrant(lease, session);
  addRevoke(lease, session);
  addKeepAlive(lease, session);
  addTtl(lease, session);
  addList(lease, session);
}

const example = (line: string): string => `\nExamples:\n  quorate lease ${line}`;

function addGrant(parent: Command, session: Session): void {
  addCommand(parent, 'grant', 'Make a lease', scopes)
    .argument('<SECONDS>', 'Its time to live; a server may grant more', parseTtl)
    .option(
      '--id <ID>',
      'Under this id, in hexadecimal, instead of one that the server chooses',
      parseLeaseId,
    )
    .addHelpText('after', example('grant 60'))
    .action(async (ttl: number, options: { readonly id?: bigint }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const request = { TTL: BigInt(ttl), ID: options.id ?? 0n };
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.leaseGrant, 'write', request),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(LeaseGrantResponse.toJSON(answer))
          : `${hexId(answer.ID)} is granted for ${answer.TTL} s\n`,
      );
    });
}

function addRevoke(parent: Command, session: Session): void {
  addCommand(parent, 'revoke', 'End a lease now, and delete its keys', scopes)
    .argument('<ID>', 'The lease', parseLeaseId)
    .addHelpText('after', example('revoke 694d1e0f'))
    .action(async (id: bigint, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.leaseRevoke, 'write', { ID: id }),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(LeaseRevokeResponse.toJSON(answer))
          : `${hexId(id)} is revoked\n`,
      );
    });
}

function addKeepAlive(parent: Command, session: Session): void {
  addCommand(parent, 'keep-alive', 'Renew a lease, again and again', scopes)
    .argument('<ID>', 'The lease', parseLeaseId)
    .option('--once', 'Only once')
    .addHelpText(
      'after',
      `${example('keep-alive 694d1e0f')}

It is renewed when a third of its time has passed, at whatever server answers, until Ctrl-C. The exit code is 1 when the lease is gone.`,
    )
    .action(async (id: bigint, options: { readonly once?: true }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const asJson = configuration.required(settings.output) === 'json';
      const { stdout, stderr } = session.dependencies;
      const signal = stopSignal(session.dependencies);
      const deadlineMs = configuration.required(settings.timeout);
      await withStore(session, configuration, async ({ driver }) => {
        while (!signal.aborted) {
          const ttl = await renewed(driver, { id, deadlineMs, signal }).catch((error: Error) => {
            if (signal.aborted || codeOf(error) !== 'deadline' || options.once === true) throw error;
            return error;
          });
          if (ttl instanceof Error) {
            stderr.write(`quorate: warning: ${ttl.message}; trying again\n`);
          } else {
            if (ttl <= 0) throw refusedFailure(`the lease ${hexId(id)} is gone, or there never was one.`);
            stdout.write(
              asJson ? jsonLine({ ID: String(id), TTL: String(ttl) }) : `${hexId(id)} has ${ttl} s again\n`,
            );
            if (options.once === true) return;
            await pause((ttl * 1_000) / 3, signal);
          }
        }
      }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    });
}

interface Renewal {
  readonly id: bigint;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Seconds; 0 when the lease is gone. */
async function renewed(driver: Store['driver'], { id, deadlineMs, signal }: Renewal): Promise<number> {
  try {
    return await driver.renew(id, { signal, deadlineMs });
  } catch (error) {
    if (codeOf(error) === 'leaseLost') return 0;
    throw error;
  }
}

function addTtl(parent: Command, session: Session): void {
  addCommand(parent, 'ttl', 'Show how long a lease will live if it is not renewed', scopes)
    .argument('<ID>', 'The lease', parseLeaseId)
    .option('--keys', 'With the keys that are attached to it')
    .addHelpText('after', example('ttl 694d1e0f --keys'))
    .action(async (id: bigint, options: { readonly keys?: true }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.leaseTimeToLive, 'read', { ID: id, keys: options.keys === true }),
      );
      if (answer.TTL < 0n) throw refusedFailure(`there is no lease ${hexId(id)}, or it is gone.`);
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(LeaseTimeToLiveResponse.toJSON(answer))
          : describeTtl(answer),
      );
    });
}

const describeTtl = ({ ID, TTL, grantedTTL, keys }: LeaseTimeToLiveResponse): string =>
  `${hexId(ID)} has ${TTL} s of ${grantedTTL} s left\n${keys.map((key) => `${printable(key)}\n`).join('')}`;

function addList(parent: Command, session: Session): void {
  addCommand(parent, 'list', 'Show all leases', scopes)
    .addHelpText('after', example('list'))
    .action(async (_options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.leaseLeases, 'read', {}),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(LeaseLeasesResponse.toJSON(answer))
          : table(
              ['ID'],
              answer.leases.map(({ ID }) => [hexId(ID)]),
            ),
      );
    });
}
