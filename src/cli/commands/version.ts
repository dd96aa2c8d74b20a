import type { Command } from 'commander';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { settings } from '../config/settings.ts';
import { json } from '../output.ts';
import { packageVersion, versionLine } from '../version.ts';

const scopes = ['print'] as const;

export function addVersionCommand(program: Command, session: Session): void {
  addCommand(program, 'version', 'Show the version', scopes)
    .addHelpText('after', '\nExamples:\n  quorate version\n  quorate version --output json')
    .action((_options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const { stdout } = session.dependencies;
      stdout.write(
        configuration.required(settings.output) === 'json'
          ? json({ version: packageVersion(), node: process.versions.node })
          : `${versionLine()}\n`,
      );
    });
}
