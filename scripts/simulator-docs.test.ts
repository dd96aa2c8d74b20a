import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { seedResult } from '../src/cli/sim/seed-result.ts';
import { faultKinds, simulate } from '../src/simulator/index.ts';

const page = readFileSync(new URL('../docs/simulator.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = '']) => cell);

it('docs/simulator.md says what each kind of fault is', () => {
  for (const kind of faultKinds) expect(rows).toContain(`\`${kind}\``);
});

it('docs/simulator.md says what each field of --json is', () => {
  const named = new Set(rows.flatMap((cell) => cell.split(', ')));
  const result = { ...seedResult(simulate(1, { faultMs: 100, replicas: 1 })), property: '', detail: '' };
  for (const field of Object.keys(result)) expect(named).toContain(`\`${field}\``);
});
