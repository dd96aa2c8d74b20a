import type { Command } from 'commander';
import type { Client, Entry } from '../../client/index.ts';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { settings } from '../config/settings.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';
import { parseTtl } from '../lease-id.ts';
import { jsonLine, printable } from '../output.ts';
import { requireName } from '../recipe-name.ts';
import { fired, stopSignal } from '../stop.ts';
import { withStore } from '../store.ts';

const scopes = ['client'] as const;

interface ElectFlags {
  readonly listen?: true;
  readonly ttl: number;
}

export function addElectCommand(program: Command, session: Session): void {
  addCommand(program, 'elect', 'Stand for election and lead until Ctrl-C, or see who leads', scopes)
    .argument('<NAME>', 'The election')
    .argument('[VALUE]', 'What those see who listen: an address, or a name')
    .option('--listen', 'Do not stand: show who leads, now and after every change')
    .option('--ttl <SECONDS>', 'How long the others wait if this process dies, or is cut off', parseTtl, 10)
    .addHelpText(
      'after',
      `
Examples:
  quorate elect scheduler 10.0.0.1:80
  quorate elect scheduler --listen
  quorate elect scheduler --listen --output json

Candidates win in the order in which they came; etcdctl can be one of them. The fence of a leader is greater than that of every leader
before. Ctrl-C resigns, with exit code 0; when the leadership is lost the exit code is 1. With --listen there is one line for each change;
"-", in JSON null, means that nobody leads.`,
    )
    .action(async (name: string, value: string | undefined, flags: ElectFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      if ((value === undefined) !== (flags.listen === true)) {
        throw usageFailure('give either a VALUE to stand with, or --listen. Nothing was sent.');
      }
      requireName(name);
      const asJson = configuration.required(settings.output) === 'json';
      await withStore(session, configuration, ({ client }) =>
        value === undefined
          ? listen(client, name, { asJson, session })
          : stand(client, name, { value, ttl: flags.ttl, asJson, session }),
      );
    });
}

interface Listening {
  readonly asJson: boolean;
  readonly session: Session;
}

async function listen(client: Client, name: string, { asJson, session }: Listening): Promise<void> {
  const signal = stopSignal(session.dependencies);
  const { stdout } = session.dependencies;
  for await (const leader of client.observe(name, { signal })) {
    stdout.write(
      asJson ? jsonLine({ name, leader: leader === undefined ? null : plain(leader) }) : line(leader),
    );
  }
}

const plain = (leader: Entry): object => ({
  key: leader.name,
  value: Buffer.from(leader.value).toString('base64'),
  fence: String(leader.createRevision),
});

const line = (leader: Entry | undefined): string =>
  leader === undefined ? '-\n' : `${printable(leader.value)}  (fence ${leader.createRevision})\n`;

interface Standing extends Listening {
  readonly value: string;
  readonly ttl: number;
}

async function stand(client: Client, name: string, { value, ttl, asJson, session }: Standing): Promise<void> {
  const { stdout, stderr } = session.dependencies;
  const signal = stopSignal(session.dependencies);
  stderr.write(`standing for ${name}\n`);
  await using leadership = await client.elect(name, value, { ttl, signal });
  const { key, fence, lost } = leadership;
  stdout.write(
    asJson
      ? jsonLine({ key, fence: String(fence) })
      : `leading ${name}: key ${key}, fence ${fence}; Ctrl-C resigns\n`,
  );
  await fired(AbortSignal.any([lost, signal]));
  if (!signal.aborted) throw refusedFailure(`the leadership is lost: ${(lost.reason as Error).message}.`);
}
