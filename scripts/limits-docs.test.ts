import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as apiLimits from '../src/api/limits.ts';
import * as coreLimits from '../src/core/limits.ts';
import { limitsPage, renderLimits } from './limits-docs.ts';

it('is what docs/reference/limits.md says; run `npm run docs` after a change', () => {
  expect(readFileSync(limitsPage, 'utf8')).toBe(renderLimits());
});

it('leaves no limit out', () => {
  const page = renderLimits();
  for (const name of [...Object.keys(coreLimits), ...Object.keys(apiLimits)])
    expect(page).toContain(`\`${name}\``);
  expect(page).not.toContain('NaN');
});
