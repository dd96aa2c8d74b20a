import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { protocolPage, renderProtocols } from './protocol-docs.ts';

it('is what docs/protocols says; run `npm run docs` after a change', () => {
  expect(readFileSync(protocolPage, 'utf8')).toBe(renderProtocols());
});
