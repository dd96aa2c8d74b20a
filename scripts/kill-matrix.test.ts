import { expect, it } from 'vitest';
import { mutantsOf } from '../src/simulator/index.ts';
import { listedMutants } from './kill-matrix.ts';

it('lists every mutant; run `npm run kill-matrix` after a change', () => {
  expect([...listedMutants().keys()]).toEqual(mutantsOf('raft').map(({ name }) => name));
});

it('has something that catches each', () => {
  const survivors = [...listedMutants()].filter(([, caught]) => !caught).map(([name]) => name);
  expect(survivors).toEqual([]);
});
