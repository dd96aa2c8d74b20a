import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { usageFailure } from '../exit-codes.ts';
import { etcdEquivalent } from './etcd-flags.ts';
import { fileProblem } from './file-problem.ts';
import {
  allSettings,
  environmentName,
  environmentPrefix,
  fenceVariable,
  type Scope,
  type Setting,
  settingsOf,
} from './settings.ts';
import { closest } from './suggest.ts';

/** Where a value was found, strongest first. */
export type Source = 'flag' | 'environment' | 'file' | 'default';

export interface Located {
  readonly text: string;
  readonly source: Source;
  /** The flag, the variable, or the file, for people. */
  readonly place: string;
}

export interface ConfigurationInputs {
  /** Flags as given, by setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the YAML file; undefined when none was named. */
  readonly file: string | undefined;
}

/** The settings of one command. Every value is parsed when it is made, so that a mistake shows before anything starts. */
export class Configuration {
  readonly #located = new Map<Setting<unknown>, Located>();
  readonly #values = new Map<Setting<unknown>, unknown>();
  /** About the environment, which may hold variables that are not ours. */
  readonly warnings: readonly string[];

  constructor(scopes: readonly Scope[], inputs: ConfigurationInputs) {
    const fromFile = inputs.file === undefined ? {} : readConfigurationFile(inputs.file);
    for (const setting of new Set(scopes.flatMap(settingsOf))) {
      const located = locate(setting, inputs, fromFile);
      if (located === undefined) continue;
      const parsed = setting.parse(located.text);
      if (parsed.type === 'problem') throw usageFailure(`${located.place}: ${parsed.problem}.`);
      this.#located.set(setting, located);
      this.#values.set(setting, parsed.value);
    }
    this.warnings = unknownVariables(inputs.env);
  }

  /** The value; a usage failure when there is none. */
  required<T>(setting: Setting<T>): T {
    const value = this.optional(setting);
    if (value === undefined) {
      throw usageFailure(
        `--${setting.name} is missing: give --${setting.name} ${setting.argument ?? ''}, set ${environmentName(setting)}, or write ${setting.name} in the --config file.`,
      );
    }
    return value;
  }

  optional<T>(setting: Setting<T>): T | undefined {
    return this.#values.get(setting) as T | undefined;
  }

  located(setting: Setting<unknown>): Located | undefined {
    return this.#located.get(setting);
  }

  /** True when somebody chose the value, be it equal to the default. */
  isChosen(setting: Setting<unknown>): boolean {
    const source = this.#located.get(setting)?.source;
    return source !== undefined && source !== 'default';
  }
}

function locate(
  setting: Setting<unknown>,
  inputs: ConfigurationInputs,
  fromFile: Readonly<Record<string, string>>,
): Located | undefined {
  const flag = inputs.flags[setting.name];
  if (flag !== undefined) return { text: flag, source: 'flag', place: `--${setting.name}` };
  const variable = inputs.env[environmentName(setting)];
  // An empty variable counts as unset: many launchers cannot remove one.
  if (variable !== undefined && variable !== '' && !isServiceLink(environmentName(setting), variable)) {
    return { text: variable, source: 'environment', place: environmentName(setting) };
  }
  const entry = Object.hasOwn(fromFile, setting.name) ? fromFile[setting.name] : undefined;
  if (entry !== undefined) return { text: entry, source: 'file', place: `${inputs.file}: ${setting.name}` };
  if (setting.default === undefined) return undefined;
  return { text: setting.default, source: 'default', place: `--${setting.name}` };
}

const settingNames = [...new Set(allSettings.map((setting) => setting.name))];

/** Keys of any command are welcome, since one file may serve several; others are mistakes. */
function readConfigurationFile(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(`--config: ${path} cannot be read: ${fileProblem(error)}.`);
  }
  // The failsafe schema reads every scalar as text, so that 0644 or 1e3 reach the setting's own parser as written.
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: true });
  const mistake = document.errors[0];
  if (mistake !== undefined)
    throw usageFailure(
      `--config: ${path} is not YAML: ${mistake.message.split('\n')[0]?.replace(/[:.]*$/, '')}.`,
    );
  const content: unknown = document.toJS();
  if (content === null || content === undefined || content === '') return {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw usageFailure(`--config: ${path} must hold "setting: value" lines.`);
  }
  const entries: Record<string, string> = {};
  for (const [key, raw] of Object.entries(content)) {
    if (!settingNames.includes(key)) throw usageFailure(`${path}: ${unknownName(key, '', settingNames)}`);
    entries[key] = entryText(path, key, raw);
  }
  return entries;
}

function entryText(path: string, key: string, raw: unknown): string {
  if (typeof raw === 'string') return raw;
  if (Array.isArray(raw) && raw.every((item) => typeof item === 'string')) return raw.join(',');
  throw usageFailure(`${path}: ${key} must be one value or a list of values.`);
}

/** What to say about a name that is not one of `known`; `prefix` is written before names (`--` for flags). */
export function unknownName(name: string, prefix: string, known: readonly string[]): string {
  const stem = `${prefix}${name} is not a ${prefix === '' ? 'setting' : 'flag'}`;
  const answer = etcdEquivalent(name);
  if (answer !== undefined) return `${stem} here (it is one of etcd): ${answer}.`;
  const near = closest(name, known);
  return near === undefined ? `${stem}.` : `${stem}: did you mean ${prefix}${near}?`;
}

/** Kubernetes puts such variables into every pod beside a service that is named quorate. */
const isServiceLink = (name: string, value: string | undefined): boolean =>
  /^QUORATE_(SERVICE|PORT)_/.test(name) || (name === 'QUORATE_PORT' && value?.startsWith('tcp://') === true);

function unknownVariables(env: ConfigurationInputs['env']): string[] {
  const known = [...allSettings.map(environmentName), `${environmentPrefix}CONFIG`, fenceVariable];
  // What all of them begin with says nothing about which one was meant.
  const bare = (name: string): string => name.slice(environmentPrefix.length);
  const knownBare = known.map(bare);
  return Object.keys(env)
    .filter((name) => name.startsWith(environmentPrefix) && !known.includes(name))
    .filter((name) => !isServiceLink(name, env[name]))
    .map((name) => {
      const near = closest(bare(name), knownBare);
      return `${name} in the environment is not a setting${near === undefined ? '.' : `: did you mean ${environmentPrefix}${near}?`}`;
    });
}
