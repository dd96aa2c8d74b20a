import type { Command } from 'commander';
import { CompactionResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { methods } from '../../client/wire/index.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import { json } from '../output.ts';
import { parseRevision } from './keys.ts';

const scopes = ['client'] as const;

export function addCompactCommand(program: Command, session: Session): void {
  addCommand(program, 'compact', 'Give up history below a revision, for good', scopes)
    .argument('<REVISION>', 'The oldest revision that can be read afterwards', parseRevision)
    .addHelpText(
      'after',
      `
Examples:
  quorate compact 1200

What is there now stays; what was before REVISION can be read and watched no more. A watch that was to begin below it fails.
The space is given back in small steps beside the work. "quorate serve --auto-compaction-retention 1h" compacts by itself.`,
    )
    .action(async (revision: bigint, _options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const answer = await withClient(session, configuration, (client) =>
        client.call(methods.compact, 'write', { revision, physical: false }),
      );
      session.dependencies.stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(CompactionResponse.toJSON(answer))
          : `history begins at revision ${revision} now\n`,
      );
    });
}
