import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { properties } from '../src/simulator/property-list.ts';
import { propertyPage, renderProperties } from './property-docs.ts';

it('is what docs/reference/properties.md says; run `npm run docs` after a change', () => {
  expect(readFileSync(propertyPage, 'utf8')).toBe(renderProperties());
});

it('names files that are there', () => {
  for (const { file } of properties) {
    expect(existsSync(fileURLToPath(new URL(`../${file}`, import.meta.url))), file).toBe(true);
  }
});
