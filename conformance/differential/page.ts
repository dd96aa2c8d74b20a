import { fileURLToPath } from 'node:url';
import { differences } from './differences.ts';

/** Written by `npm run docs` from the list that the comparison uses; a test holds the page to it. */
export const differencesPage = fileURLToPath(new URL('../../docs/etcd-differences.md', import.meta.url));

export function renderDifferences(): string {
  return [
    '# Differences from etcd, found by comparing',
    '',
    'Random programs are sent to a process of etcd 3.4 and to one of Quorate: keys, ranges, transactions inside of others,',
    'compaction, leases, watches, locks and elections. Every answer, error, event and revision is compared. What is different is a',
    'mistake that is mended, or stands here with its reason: this page is written by `npm run docs` from the list by which the',
    'comparison knows that a difference is meant to be. [Compatibility](etcd-compatibility.md) has the methods and what was designed to differ.',
    '',
    '```sh',
    'npm run build',
    'npx tsx conformance/differential/main.ts --programs 5000 --seed 7',
    '```',
    '',
    'The same seed gives the same programs; one that is answered differently is made as small as can be, and printed. The tests run a few',
    'hundred of them. What is measured is 3.4; whether later versions do the same was not measured, unless it says that they do not.',
    ...differences.flatMap(({ name, settledLater, etcd, quorate, reason }) => [
      '',
      `## ${name[0]?.toUpperCase()}${name.slice(1)}`,
      '',
      `- etcd 3.4${settledLater ? ', but not later ones' : ''}: ${etcd}`,
      `- Quorate: ${quorate}`,
      `- Why: ${reason}`,
    ]),
    '',
    '## What is not compared',
    '',
    '- Ids of clusters and members, and terms: only whether they are there.',
    '- How events are put together into messages; but each watch must be told its part of the history, in order, once, and each revision as a whole.',
    '- The seconds that a lease has left; but that it lives.',
    '- Sizes, hashes and snapshots, which are of our own formats.',
    '- Users and roles: these are compared command by command, in `conformance/etcd-auth-differential.test.ts`.',
    '',
  ].join('\n');
}
