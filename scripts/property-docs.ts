import { fileURLToPath } from 'node:url';
import { RaftInvariants } from '../src/protocols/raft/cluster-invariants.ts';
import { properties } from '../src/simulator/property-list.ts';

/** docs/reference/properties.md is written from the list that the simulator reports by; a test holds the page to it. */
export const propertyPage = fileURLToPath(new URL('../docs/reference/properties.md', import.meta.url));

export const raftPropertyFiles = 'src/protocols/raft/safety';
export const raftProperties = new RaftInvariants().properties.map(({ promised }) => promised);

export function renderProperties(): string {
  const rows = properties.map(({ name, file, source, checks, notChecked }) => {
    const title = file.slice(file.lastIndexOf('/') + 1);
    return row([name, source, `${checks} ([${title}](../../${file}))`, notChecked]);
  });
  return [
    '# Properties',
    '',
    'What [the simulator](../simulator.md) holds every world to, by the names under which it reports what was broken. Written by',
    '`npm run docs` from `src/simulator/property-list.ts`.',
    '',
    row(['property', 'source', 'what is checked', 'what is not']),
    row(['---', '---', '---', '---']),
    ...rows,
    '',
    '## Of Raft',
    '',
    'What `invariants of the protocol` stands for: what holds between all replicas over all their lives, a file for each.',
    '',
    row(['property', 'source', 'what is checked', 'what is not']),
    row(['---', '---', '---', '---']),
    ...raftProperties.map(({ name, file, source, checks, notChecked }) =>
      row([name, source, `${checks} ([${file}](../../${raftPropertyFiles}/${file}))`, notChecked]),
    ),
    '',
  ].join('\n');
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
