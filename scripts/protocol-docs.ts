import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { differencesPage, renderDifferences } from '../conformance/differential/page.ts';
import { type Laboratory, laboratory } from '../src/protocols/laboratory.ts';
import { protocols } from '../src/protocols/registry.ts';
import { commandsPage, renderCommands } from './commands-docs.ts';
import { etcdPage, renderEtcd } from './etcd-docs.ts';
import { limitsPage, renderLimits } from './limits-docs.ts';
import { propertyPage, renderProperties } from './property-docs.ts';

/** Writes docs/protocols/README.md from what the protocols say of themselves; a test holds the page to it. */
export const protocolPage = fileURLToPath(new URL('../docs/protocols/README.md', import.meta.url));

export function renderProtocols(): string {
  const rows = [...protocols.values()].map(({ name, capabilities: c }) =>
    row([
      `[${name}](../../src/protocols/${name}/README.md)`,
      c.faultModel,
      `${c.minimumReplicas(1)}`,
      c.consistency,
      c.finality,
      c.blockedBy,
      c.reads.join(', '),
      c.reconfiguration,
      `${laboratory.get(name)?.mutants.length ?? 0}`,
    ]),
  );
  return [
    '# Protocols',
    '',
    'Written by `npm run docs` from what each protocol declares; its README says the rest.',
    '',
    row([
      'protocol',
      'faults',
      'replicas for one fault',
      'consistency',
      'finality',
      'blocked by',
      'reads',
      'reconfiguration',
      'mutants',
    ]),
    row(new Array<string>(9).fill('---')),
    ...rows,
    ...[...laboratory].flatMap(([name, { mutants }]) => renderTraps(name, mutants)),
    '',
  ].join('\n');
}

/** A trap is a mistake that implementers make; its mutant makes it on purpose, and the tests must notice. */
function renderTraps(name: string, mutants: Laboratory['mutants']): string[] {
  return [
    '',
    `## Traps of ${name}`,
    '',
    'Each is a mutant: the mistake made on purpose, which the tests beside the protocol catch while the protocol itself passes.',
    '',
    row(['trap', 'mutant', 'mistake']),
    row(['---', '---', '---']),
    ...mutants.map(({ trap, name: mutant, mistake }) => row([trap, mutant, mistake])),
  ];
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, page] of [
    [protocolPage, renderProtocols()],
    [commandsPage, renderCommands()],
    [limitsPage, renderLimits()],
    [propertyPage, renderProperties()],
    [etcdPage, renderEtcd()],
    [differencesPage, renderDifferences()],
  ] as const) {
    if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) !== page) writeFileSync(path, page);
  }
}
