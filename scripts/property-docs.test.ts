import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { properties } from '../src/simulator/property-list.ts';
import { propertyPage, raftProperties, raftPropertyFiles, renderProperties } from './property-docs.ts';

it('is what docs/reference/properties.md says; run `npm run docs` after a change', () => {
  expect(readFileSync(propertyPage, 'utf8')).toBe(renderProperties());
});

it('names files that are there', () => {
  const ofRaft = raftProperties.map(({ file }) => `${raftPropertyFiles}/${file}`);
  for (const file of [...properties.map((each) => each.file), ...ofRaft]) {
    expect(existsSync(fileURLToPath(new URL(`../${file}`, import.meta.url))), file).toBe(true);
  }
});
