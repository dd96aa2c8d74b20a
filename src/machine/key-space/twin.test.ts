import fc from 'fast-check';
import { expect, test } from 'vitest';
import { likeItsTwin } from '../../../test/support/key-space-twin.ts';
import { keySpace } from './key-space.ts';
import { keySpaceMutants } from './mutants.ts';

test('keys, history, compaction and leases are as in a naive twin, whatever the program', () => {
  fc.assert(likeItsTwin(keySpace), { numRuns: 2_000 });
});

test.each(keySpaceMutants)('the comparison notices that $name', ({ machine }) => {
  const { failed } = fc.check(likeItsTwin(machine), { numRuns: 20_000, endOnFailure: true });
  expect(failed).toBe(true);
});
