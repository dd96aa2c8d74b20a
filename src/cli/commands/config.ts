import { Argument, type Command } from 'commander';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { type Scope, type Setting, settings, settingsOf } from '../config/settings.ts';
import { json, table } from '../output.ts';

const shown = ['serve', 'start', 'client'] as const satisfies readonly Scope[];

export function addConfigCommand(program: Command, session: Session): void {
  addCommand(program, 'config', 'Show every setting, its value, and where the value comes from', shown)
    .addArgument(
      new Argument(
        '[COMMANDS]',
        'Only those of serve, of start, or of the commands that talk to a cluster',
      ).choices(shown),
    )
    .addHelpText(
      'after',
      `
Examples:
  quorate config
  quorate config serve --config /etc/quorate.yaml
  QUORATE_TIMEOUT=10s quorate config client --output json

A setting is looked up as a flag, then in the environment, then in the --config file; a default comes last. The flags
of all commands are taken here, to see what they would do. Nothing is started and no server is asked.`,
    )
    .action((only: Scope | undefined, _options: unknown, command: Command) => {
      const scopes = only === undefined ? shown : ([only] as const);
      // Client settings bring --output with them; it must also be known when other settings are shown.
      const configuration = configurationOf(command, [...scopes, 'print'], session);
      const rows = [...new Set(scopes.flatMap((scope) => settingsOf(scope)))].map((setting) => {
        const located = configuration.located(setting);
        return {
          setting: setting.name,
          value: located === undefined ? null : (setting.shown?.(located.text) ?? located.text),
          source: located?.source ?? 'unset',
          place: located === undefined || located.source === 'default' ? null : located.place,
          commands: commandsOf(setting),
        };
      });
      const { stdout } = session.dependencies;
      stdout.write(
        configuration.required(settings.output) === 'json'
          ? json(rows)
          : table(
              ['SETTING', 'VALUE', 'FROM', 'USED BY'],
              rows.map((row) => [
                row.setting,
                row.value ?? '-',
                row.place ?? row.source,
                row.commands.join(', '),
              ]),
            ),
      );
    });
}

const commandsOf = (setting: Setting<unknown>): readonly string[] =>
  shown.filter((scope) => setting.scopes.includes(scope));
