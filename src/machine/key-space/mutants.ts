import type { Machine } from '../machine.ts';
import { keySpaceWith } from './key-space.ts';
import { type KeySpaceRules, keySpaceRules } from './rules.ts';

/** A key space with one rule replaced by a mistake that was made somewhere, or that suggests itself. */
export interface KeySpaceMutant {
  readonly name: string;
  readonly machine: Machine;
}

const mutant = (name: string, mistake: Partial<KeySpaceRules>): KeySpaceMutant => ({
  name,
  machine: keySpaceWith({ ...keySpaceRules, ...mistake }),
});

export const keySpaceMutants: readonly KeySpaceMutant[] = [
  // etcd 19179
  mutant('compaction drops the tombstone at its revision', { keepsTombstone: () => false }),
  mutant('compaction keeps every tombstone', { keepsTombstone: () => true }),
  mutant('compaction keeps what was superseded', { supersedes: () => false }),
  // etcd 15247
  mutant('a leader that was deposed ends leases', { mayExpire: () => true }),
  mutant('a leader ends leases that it has not extended', { mayExpire: (decided, at) => decided === at }),
  mutant('leases end by when the command was stamped, not decided on', {
    looksUntil: (_until, time) => time,
  }),
  mutant('a lease counts from when it was granted or renewed, whoever leads', {
    countsFrom: ({ renewedAt }) => renewedAt,
  }),
  mutant('a lease counts from when its leader began, renewed or not', {
    countsFrom: (_lease, { floor }) => floor,
  }),
];
