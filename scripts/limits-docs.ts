import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as apiLimits from '../src/api/limits.ts';
import * as coreLimits from '../src/core/limits.ts';

/** docs/reference/limits.md is written from the two files that hold the limits; a test holds the page to them. */
export const limitsPage = fileURLToPath(new URL('../docs/reference/limits.md', import.meta.url));

const sources = [
  { path: '../src/core/limits.ts', values: coreLimits, heading: undefined },
  { path: '../src/api/limits.ts', values: apiLimits, heading: 'Client port: what clients may ask of it' },
] as const;

export function renderLimits(): string {
  return [
    '# Limits',
    '',
    'Everything that could grow without bound has a limit; what happens beyond it is said beside it. Written by `npm run docs`',
    'from `src/core/limits.ts`, where the relations between them are asserted, and `src/api/limits.ts`.',
    ...sources.flatMap(({ path, values, heading }) => renderFile(path, values, heading)),
    '',
  ].join('\n');
}

/** A section begins with a line comment, an entry is a doc comment with the constants that follow it. */
const part = /^\/\/ (.+)$|^\/\*\*([\s\S]*?)\*\/\n((?:export const .*\n)+)/gm;

function renderFile(
  path: string,
  values: Readonly<Record<string, number>>,
  heading: string | undefined,
): string[] {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  let pending = heading;
  const lines: string[] = [];
  for (const [, section, comment, constants] of text.matchAll(part)) {
    if (section !== undefined) {
      pending = section.replace(/\.$/, '');
      continue;
    }
    if (pending !== undefined)
      lines.push('', `## ${pending}`, '', '| limit | value | meaning |', '| --- | --- | --- |');
    pending = undefined;
    const meaning = (comment ?? '').replace(/\s*\n?\s*\*?\s+/g, ' ').trim();
    for (const [at, [, name = '']] of [...(constants ?? '').matchAll(/^export const (\w+)/gm)].entries()) {
      lines.push(`| \`${name}\` | ${show(name, values[name] ?? Number.NaN)} | ${at === 0 ? meaning : '″'} |`);
    }
  }
  return lines;
}

function show(name: string, value: number): string {
  if (name.endsWith('Mebibytes')) return `${value} MiB`;
  if (name.endsWith('Bytes')) {
    if (value % 2 ** 20 === 0) return `${value / 2 ** 20} MiB`;
    return value % 2 ** 10 === 0 ? `${value / 2 ** 10} KiB` : `${group(value)} bytes`;
  }
  return /(Ms|Interval)$/.test(name) ? `${group(value)} ms` : group(value);
}

const group = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');
