import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IntervalTree } from './interval-tree.ts';

const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', 'ÿ'), maxLength: 3 });
const range = fc.record({ from: key, to: fc.option(key, { nil: undefined }) });
const step = fc.oneof(
  { weight: 3, arbitrary: range.map((added) => ({ type: 'add' as const, ...added })) },
  range.map((removed) => ({ type: 'delete' as const, ...removed })),
  { weight: 2, arbitrary: key.map((looked) => ({ type: 'look' as const, key: looked })) },
);

const name = ({ from, to }: { readonly from: string; readonly to: string | undefined }): string =>
  JSON.stringify([from, to]);

test('finds what a list of all ranges finds, in the order of their beginnings', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const tree = new IntervalTree();
      const list = new Map<string, { readonly from: string; readonly to: string | undefined }>();
      for (const each of steps) {
        switch (each.type) {
          case 'add':
            expect(tree.group(each.from, each.to)).toBe(tree.group(each.from, each.to));
            list.set(name(each), { from: each.from, to: each.to });
            break;
          case 'delete':
            tree.delete(each.from, each.to);
            list.delete(name(each));
            expect(tree.find(each.from, each.to)).toBeUndefined();
            break;
          case 'look': {
            const found: string[] = [];
            tree.visit(each.key, (group) => found.push(name(group)));
            const holding = [...list.values()].filter(
              ({ from, to }) => from <= each.key && (to === undefined || each.key < to),
            );
            expect([...found].sort()).toEqual(holding.map(name).sort());
            break;
          }
        }
      }
      const groups = [...tree.groups()];
      expect(groups.map(name).sort()).toEqual([...list.keys()].sort());
      for (let at = 1; at < groups.length; at++)
        expect((groups[at - 1]?.from ?? '') <= (groups[at]?.from ?? '')).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('keys in ascending order do not make it deep', () => {
  const tree = new IntervalTree();
  for (let at = 0; at < 20_000; at++) {
    const from = String(at).padStart(6, '0');
    tree.group(from, `${from}~`);
  }
  let visited = 0;
  tree.visit('010000', () => visited++);
  expect(visited).toBe(1);
  expect([...tree.groups()].length).toBe(20_000);
});
