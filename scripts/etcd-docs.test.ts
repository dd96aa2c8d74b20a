import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { etcdPage, publishedMethods, renderEtcd } from './etcd-docs.ts';

it('is what docs/etcd-compatibility.md says; run `npm run docs` after a change', () => {
  expect(readFileSync(etcdPage, 'utf8')).toBe(renderEtcd());
});

it('has a line for every method, and a test for every one that is served', () => {
  const lines = renderEtcd()
    .split('\n')
    .filter((line) => /\| (yes|no) \|/.test(line));
  expect(publishedMethods()).toHaveLength(50);
  expect(lines).toHaveLength(50);
  expect(lines.filter((line) => line.includes('| yes |') && !line.includes('.test.ts'))).toEqual([]);
  expect(lines.filter((line) => line.includes('| no |'))).toEqual([]);
});

it('has a test for every item of the wire contract', () => {
  const page = renderEtcd();
  for (let item = 1; item <= 23; item++) expect(page).toMatch(new RegExp(`^### ${item}\\. \\w`, 'm'));
});
