import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Recoverable } from '../../replica/recover.ts';
import type { Restored } from '../../replica/restore.ts';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { settings } from '../config/settings.ts';
import type { CliDependencies } from '../dependencies.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';
import { hexId, json } from '../output.ts';

const scopes = ['recover'] as const;

interface RecoverFlags {
  readonly newDataDir: string;
  readonly yes?: true;
}

export function addRecoverCommand(program: Command, session: Session): void {
  addCommand(
    program,
    'recover',
    'When a majority is lost for good: begin a new cluster with what one replica has',
    scopes,
  )
    .requiredOption('--new-data-dir <DIR>', 'Made here, for the only member of the new cluster')
    .option('--yes', 'Do not ask')
    .addHelpText(
      'after',
      `
Examples:
  quorate recover --data-dir /var/lib/quorate --new-data-dir /var/lib/quorate-recovered
  quorate recover --data-dir ./n1 --new-data-dir ./n1-recovered --yes --output json

Only for when a majority of the members will never come back; as long as it may, wait, or bring its disks back. With a backup that is
recent enough, "quorate snapshot restore" is the safer way.

- Stop every replica of the old cluster that still runs, and never start it again: clients of both would see two truths.
- Writes that were acknowledged may be lost, namely those that only the lost members had. Writes whose outcome was unknown, and even some
  that were refused, may turn out to have happened.
- Of several replicas that are left, take the one that knows most: run this for each, without --yes, and compare epoch, then index.
  Where nobody can be asked, that ends with exit code 2.
- The new cluster has a new id, so that members of the old one cannot join, and one member. Revisions go on 1,000,000,000 above the old
  ones, and history is compacted up to there: clients that watch read anew. Make it bigger with "quorate member add".

The replica must not run. Its directory is read and left as it is: keep it. Two more copies of it need room beside the new one.`,
    )
    .action(async (flags: RecoverFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const { dependencies } = session;
      const dataDir = configuration.required(settings.dataDir);
      if (!existsSync(dataDir)) {
        throw usageFailure(`--data-dir: ${dataDir} does not exist. Nothing was done.`);
      }
      const asJson = configuration.required(settings.output) === 'json';
      const { found, restored } = await recover(dataDir, { ...flags, asJson }, dependencies);
      dependencies.stdout.write(
        asJson ? json(plain(found, restored, flags.newDataDir)) : describe(found, restored, flags.newDataDir),
      );
    });
}

/** Loaded only here: it needs the store and its native module. */
async function recover(
  dataDir: string,
  { newDataDir, yes, asJson }: RecoverFlags & { readonly asJson: boolean },
  dependencies: CliDependencies,
): Promise<{ readonly found: Recoverable; readonly restored: Restored }> {
  const [{ Recovery }, { startFailure }] = await Promise.all([
    import('../../replica/recover.ts'),
    import('../serve/failures.ts'),
  ]);
  try {
    await using recovery = await Recovery.prepare({ dataDir, newDataDir });
    const { found } = recovery;
    dependencies.stderr.write(warning(found));
    if (yes !== true) await confirm(found, asJson, dependencies);
    return { found, restored: await recovery.begin() };
  } catch (error) {
    throw startFailure(error);
  }
}

async function confirm(
  found: Recoverable,
  asJson: boolean,
  { terminal, stdout }: CliDependencies,
): Promise<void> {
  if (terminal === undefined) {
    if (asJson) stdout.write(json(knowledge(found)));
    throw usageFailure('nobody can be asked here: give --yes if you are sure. Nothing was done.');
  }
  const { name } = found;
  const typed = await terminal.ask(`Type the name of the replica, ${name}, to begin a new cluster with it: `);
  if (typed.trim() !== name) throw refusedFailure('given up. Nothing was done.');
}

const warning = ({ name, clusterId, epoch, index, others }: Recoverable): string =>
  `${name} of the cluster ${hexId(clusterId)} knows of everything up to index ${index} in epoch ${epoch}.
Acknowledged writes that only ${others.join(', ') || 'other members'} had will be lost. None of the old members may ever run again.
`;

const knowledge = ({ name, clusterId, epoch, index }: Recoverable): object => ({
  name,
  oldClusterId: hexId(clusterId),
  epoch: String(epoch),
  index: String(index),
});

const plain = (found: Recoverable, { clusterId, revision, pairs }: Restored, dataDir: string): object => ({
  ...knowledge(found),
  dataDir,
  clusterId: hexId(clusterId),
  revision: String(revision),
  records: String(pairs),
});

function describe(found: Recoverable, { clusterId, revision }: Restored, dataDir: string): string {
  const { name, address, clusterToken } = found;
  const isDefault = clusterToken === settings.clusterToken.default;
  const token = isDefault ? '' : ` --cluster-token ${JSON.stringify(clusterToken)}`;
  return `${dataDir} is the cluster ${hexId(clusterId)} of ${name} alone, at revision ${revision}. Start it with:
  quorate serve --name ${name} --data-dir ${dataDir} --peer ${address} --cluster ${name}=${address}${token}
and the flags for clients and TLS that it had; then add members with "quorate member add".
`;
}
