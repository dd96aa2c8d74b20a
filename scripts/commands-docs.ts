import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { type Scope, type Setting, settingsOf } from '../src/cli/config/settings.ts';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { buildProgram } from '../src/cli/program.ts';

/** docs/reference/commands.md is written from what the commands say of themselves; a test holds the page to them. */
export const commandsPage = fileURLToPath(new URL('../docs/reference/commands.md', import.meta.url));

const groups: readonly { readonly scope: Scope; readonly title: string }[] = [
  { scope: 'client', title: 'Flags of commands that talk to a cluster' },
  { scope: 'serve', title: 'Flags of serve' },
];

export function renderCommands(): string {
  const written: string[] = [];
  const program = buildProgram({
    exitCode: exitCodes.done,
    dependencies: {
      stdout: { write: (text) => written.push(String(text)) },
      stderr: { write: () => undefined },
      stdin: (async function* () {})(),
      env: {},
      lifeline: { onStop: () => () => undefined, exit: () => undefined },
    },
  });
  const helpOf = (command: Command): string => {
    written.length = 0;
    command.outputHelp();
    return written.join('');
  };
  return [
    '# Commands',
    '',
    'Written by `npm run docs` from what the commands say of themselves: `quorate COMMAND --help`. In a checkout `quorate` is',
    '`bin/quorate`, after `npm run build`.',
    '',
    'Settings can also be given in the environment or in a file ([operating](../operating.md#configuration)): the flags of `serve`',
    'and `start`, of [commands that talk to a cluster](#flags-of-commands-that-talk-to-a-cluster), where data is (`--data-dir`) and',
    'between which clusters it is copied (`--from`, `--to`). Other flags say what one command is to do this once (`get --prefix`,',
    '`copy --rate`, everything of `sim`, `explore` and `replay`), and are given as flags only.',
    ...leavesOf(program).flatMap((command) => renderCommand(command, helpOf(command))),
    ...groups.flatMap(({ scope, title }) => ['', `## ${title}`, '', ...renderSettings(settingsOf(scope))]),
    '',
  ].join('\n');
}

const leavesOf = (command: Command): readonly Command[] =>
  command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)));

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

function renderCommand(command: Command, help: string): string[] {
  const group = groups.find(({ scope }) => {
    const names = settingsOf(scope).map(({ name }) => `--${name}`);
    return names.every((name) => command.options.some(({ long }) => long === name));
  });
  const shared = new Set(group === undefined ? [] : settingsOf(group.scope).map(({ name }) => `--${name}`));
  const options = command.options.filter(({ long }) => long !== '--config' && !shared.has(long ?? ''));
  const rows = [
    ...command.registeredArguments.map((argument) => [
      `\`${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}\``,
      argument.description,
    ]),
    ...options.map(({ flags, description }) => [`\`${flags}\``, description]),
  ];
  const more =
    group === undefined ? [] : ['', `And the [${lowerFirst(group.title)}](#${anchor(group.title)}).`];
  return [
    '',
    `## ${pathOf(command)}`,
    '',
    `${command.description()}.`,
    ...(rows.length === 0 ? [] : ['', ...tableOf(rows)]),
    ...more,
    '',
    '```text',
    help.slice(command.helpInformation().length).trim(),
    '```',
  ];
}

const renderSettings = (settings: readonly Setting<unknown>[]): string[] =>
  tableOf(
    settings.map(({ name, argument, help, default: fallback }) => [
      `\`--${name}${argument === undefined ? '' : ` <${argument}>`}\``,
      argument === undefined || fallback === undefined ? help : `${help} (default: \`${fallback}\`)`,
    ]),
  );

const tableOf = (rows: readonly (readonly string[])[]): string[] => [
  '| | |',
  '| --- | --- |',
  ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
];

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const anchor = (title: string): string => title.toLowerCase().replaceAll(' ', '-');
