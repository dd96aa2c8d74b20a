import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Restored, RestoreOptions } from '../../replica/restore.ts';
import type { SnapshotSummary } from '../../storage/snapshot-reader.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { requireReadable } from '../config/files.ts';
import { settings } from '../config/settings.ts';
import { formatAddress } from '../config/values.ts';
import { refusedFailure } from '../exit-codes.ts';
import { byteSize, hexId, json, table } from '../output.ts';
import { backupTarget, saveBackup } from '../snapshot/save.ts';
import { verifyBackup, withBareBackup } from '../snapshot/verify.ts';

export function addSnapshotCommand(program: Command, session: Session): void {
  const snapshot = program
    .command('snapshot')
    .description('Save, check and restore backups')
    .addHelpText(
      'after',
      `
Examples:
  quorate snapshot save backup.snap
  quorate snapshot status backup.snap
  quorate snapshot restore backup.snap --name n1 --data-dir ./n1 --cluster n1=10.0.0.1:2380`,
    );
  addSave(snapshot, session);
  addStatus(snapshot, session);
  addRestore(snapshot, session);
}

function addSave(snapshot: Command, session: Session): void {
  addCommand(snapshot, 'save', 'Write a backup of the whole state to a file', ['client'])
    .argument('<FILE>', 'Replaced only by a whole and checked backup')
    .addHelpText('after', '\nExamples:\n  quorate snapshot save backup.snap')
    .action(async (file: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, ['client'], session);
      const target = await backupTarget(file);
      const summary = await withClient(session, configuration, (client) =>
        saveBackup(client.snapshot(), target),
      );
      show(summary, file, configuration.required(settings.output), session);
    });
}

function addStatus(snapshot: Command, session: Session): void {
  addCommand(snapshot, 'status', 'Check a backup and say what is in it', ['print'])
    .argument('<FILE>', 'The backup')
    .addHelpText('after', '\nExamples:\n  quorate snapshot status backup.snap --output json')
    .action(async (file: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, ['print'], session);
      show(await wholeBackup(file), file, configuration.required(settings.output), session);
    });
}

async function wholeBackup(file: string): Promise<SnapshotSummary> {
  await requireReadable(file);
  const verified = await verifyBackup(file);
  if (verified.type === 'whole') return verified.summary;
  const { reason, detail } = verified;
  const what =
    reason === 'checksum' || reason === 'digest' || reason === 'truncated' ? 'is damaged' : 'is no good';
  throw refusedFailure(`${file} ${what}: ${detail}. Nothing was done.`);
}

function addRestore(snapshot: Command, session: Session): void {
  addCommand(snapshot, 'restore', 'Begin a new cluster with the keys of a backup', ['restore'])
    .argument('<FILE>', 'The backup')
    .addHelpText(
      'after',
      `
Examples: on each machine of the new cluster, with the same file and the same members
  MEMBERS=n1=10.0.0.1:2380,n2=10.0.0.2:2380,n3=10.0.0.3:2380
  quorate snapshot restore backup.snap --cluster $MEMBERS --name n1 --data-dir ./n1
  quorate snapshot restore backup.snap --cluster $MEMBERS --name n2 --data-dir ./n2
  quorate snapshot restore backup.snap --cluster $MEMBERS --name n3 --data-dir ./n3

Then start each with "quorate serve", the same --name, --data-dir, --cluster and --cluster-token. The new cluster has an
id of its own, so that replicas of the old one cannot join it, and revisions go on far above those of the backup.`,
    )
    .action(async (file: string, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, ['restore'], session);
      const { stdout } = session.dependencies;
      const options = {
        file,
        dataDir: configuration.required(settings.dataDir),
        name: configuration.required(settings.name),
        cluster: configuration
          .required(settings.cluster)
          .map(({ name, address }) => ({ name, address: formatAddress(address) })),
        clusterToken: configuration.required(settings.clusterToken),
      };
      const restored = await restore(options);
      const facts = {
        dataDir: options.dataDir,
        clusterId: hexId(restored.clusterId),
        revision: String(restored.revision),
        records: String(restored.pairs),
      };
      stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(facts)
          : table(['DATA DIR', 'CLUSTER', 'REVISION', 'RECORDS'], [Object.values(facts)]),
      );
    });
}

/** Loaded only here: it needs the store and its native module. */
async function restore(options: RestoreOptions): Promise<Restored> {
  const { restoreSnapshot } = await import('../../replica/restore.ts');
  // Checked before the directory is made; restoring checks it again as it reads.
  await wholeBackup(options.file);
  const isNew = !existsSync(options.dataDir);
  try {
    return await withBareBackup(options.file, (file) => restoreSnapshot({ ...options, file }));
  } catch (error) {
    // A directory that was made here and holds nothing goes again; one that holds something stays, and is not removed by this.
    if (isNew) await rmdir(options.dataDir).catch(() => undefined);
    const { startFailure } = await import('../serve/failures.ts');
    throw startFailure(error);
  }
}

function show(summary: SnapshotSummary, file: string, output: 'table' | 'json', session: Session): void {
  const { header } = summary;
  const facts = {
    file,
    clusterId: hexId(header.clusterId),
    protocol: header.protocol,
    machine: header.machine,
    index: String(header.base.position.index),
    records: String(summary.pairs),
    bytes: String(summary.bytes),
    members: header.base.configuration.members.map((member) => member.name),
  };
  const { stdout } = session.dependencies;
  stdout.write(
    output === 'json'
      ? json(facts)
      : table(
          ['FILE', 'CLUSTER', 'PROTOCOL', 'INDEX', 'RECORDS', 'SIZE', 'MEMBERS'],
          [
            [
              file,
              facts.clusterId,
              facts.protocol,
              facts.index,
              facts.records,
              byteSize(BigInt(summary.bytes)),
              facts.members.join(', '),
            ],
          ],
        ),
  );
}
