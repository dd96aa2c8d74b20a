import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileProblem } from '../model/compile-problem.ts';
import { scenarios } from '../testing/scenarios.ts';
import { isFeasibleByMaxFlow, isFeasibleOnTree, linkFlows, treeFlows } from './feasibility.ts';
import { FlowGraph } from './max-flow.ts';
import { balancedPhases, openRouter } from './router.ts';
import { validateTopology } from './validate.ts';

const messages = (topology: Parameters<typeof validateTopology>[0]): string[] =>
  validateTopology(topology).map(({ path, message }) => `${path}: ${message}`);

describe('a topology is rejected with what is wrong and where', () => {
  const grid = { type: 'grid', id: 'grid' } as const;
  const bus = (id: string) => ({ type: 'busbar', id }) as const;

  test.each([
    ['no grid', [bus('a')], [], 'topology.nodes: must contain one node of type grid, contain 0'],
    ['two grids', [grid, { type: 'grid', id: 'other' } as const], [], 'one node of type grid, contain 2'],
    [
      'one id twice',
      [grid, bus('a'), bus('a')],
      [['grid', 'a']],
      'nodes[2]: has the id a, which nodes[1] has already',
    ],
    ['unknown node', [grid], [['grid', 'ghost']], 'topology.links[0].to: names the unknown node ghost'],
    [
      'repeated link',
      [grid, bus('a')],
      [
        ['grid', 'a'],
        ['grid', 'a'],
      ],
      'links[1]: repeats links[0]',
    ],
    [
      'cycle',
      [grid, bus('a'), bus('b'), bus('c')],
      [
        ['grid', 'a'],
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
      ],
      'form a cycle: a → b → c → a',
    ],
    [
      'loop',
      [grid, bus('a')],
      [
        ['grid', 'a'],
        ['a', 'a'],
      ],
      'form a cycle: a → a',
    ],
    ['feeding the grid', [grid, bus('a')], [['a', 'grid']], 'leads from a to the grid connection grid'],
    ['island', [grid, bus('a')], [], 'a is not connected'],
    [
      'EVSE that feeds a bus bar',
      [grid, { type: 'evse', id: 'e' } as const, bus('a')],
      [
        ['grid', 'e'],
        ['e', 'a'],
      ],
      'leads away from the EVSE e',
    ],
  ] as const)('%s', (_name, nodes, links, expected) => {
    const topology = { nodes, links: links.map(([from, to]) => ({ from, to })) };
    expect(messages(topology).join('\n')).toContain(expected);
  });

  test('a phase limit above something that has another feeder', () => {
    const limited = { ...bus('a'), phaseLimit: { currentA: 63, voltageV: 230 } };
    const links = [
      ['grid', 'a'],
      ['grid', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ].map(([from = '', to = '']) => ({ from, to }));
    expect(messages({ nodes: [grid, limited, bus('b'), bus('c')], links })).toEqual([
      'topology.nodes[1].phaseLimit: a must feed all that is below it alone, but c is also fed by b',
    ]);
  });

  test('a chain of 30,000 nodes is no problem', () => {
    const nodes = [grid, ...Array.from({ length: 30_000 }, (_, index) => bus(`n${index}`))];
    const links = nodes.slice(1).map(({ id }, index) => ({ from: nodes[index]?.id ?? '', to: id }));
    expect(validateTopology({ nodes, links })).toEqual([]);
  });
});

test('maximum flow equals minimum cut', () => {
  const sized = fc.integer({ min: 2, max: 6 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1), fc.nat(9), fc.nat(9)), { maxLength: 14 }),
    }),
  );
  fc.assert(
    fc.property(sized, ({ size, edges }) => {
      const graph = new FlowGraph();
      for (let vertex = 0; vertex < size; vertex++) graph.addVertex();
      for (const [from, to, forward, backward] of edges)
        if (from !== to) graph.addEdge(from, to, forward, backward);
      let least = Infinity;
      // Every set that contains the source, vertex 0, but not the sink, the last one, is a cut.
      for (let set = 1; set < 2 ** (size - 1); set += 2) {
        const inside = (vertex: number): boolean => ((set >> vertex) & 1) === 1;
        let cut = 0;
        for (const [from, to, forward, backward] of edges) {
          if (inside(from) && !inside(to)) cut += forward;
          if (inside(to) && !inside(from)) cut += backward;
        }
        least = Math.min(least, cut);
      }
      expect(graph.augment(0, size - 1)).toBeCloseTo(least, 6);
    }),
    { numRuns: 300, seed: 1 },
  );
});

describe('feasibility', () => {
  const drawn = (shape: 'tree' | 'any') =>
    fc.record({
      scenario: scenarios(shape),
      wishes: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }),
    });

  const demandOf = (count: number, wishes: readonly number[]): Float64Array =>
    Float64Array.from({ length: count }, (_, index) => wishes[index % wishes.length] ?? 0);

  test('the fast path of a tree and the maximum flow agree', () => {
    let feasible = 0;
    fc.assert(
      fc.property(drawn('tree'), ({ scenario, wishes }) => {
        const problem = compileProblem(scenario);
        expect(problem.network.isTree).toBe(true);
        const scale = wishes[0] === undefined ? 1 : Math.abs(wishes[0] % 5) / 5;
        const demand = demandOf(problem.network.nodes.length, wishes).map((kw) => kw * scale);
        const onTree = isFeasibleOnTree(problem, 0, demand);
        if (onTree) feasible++;
        expect(isFeasibleByMaxFlow(problem, 0, demand)).toBe(onTree);
      }),
      { numRuns: 400, seed: 2 },
    );
    expect(feasible).toBeGreaterThan(40);
  });

  test('flow is conserved at every node of what is feasible, whichever path computed it', () => {
    let checked = 0;
    fc.assert(
      fc.property(drawn('any'), ({ scenario, wishes }) => {
        const problem = compileProblem(scenario);
        const { nodes, isTree } = problem.network;
        const demand = demandOf(nodes.length, wishes).map((kw) => kw / 10);
        if (!isFeasibleByMaxFlow(problem, 0, demand)) return;
        checked++;
        const flows = linkFlows(problem, 0, demand);
        for (const { index, feeders, outlets } of nodes) {
          if (index === 0) continue;
          const net =
            feeders.reduce((sum, link) => sum + (flows[link] ?? 0), 0) -
            outlets.reduce((sum, link) => sum + (flows[link] ?? 0), 0);
          expect(net).toBeCloseTo(demand[index] ?? 0, 4);
        }
        if (isTree)
          expect(treeFlows(problem, demand)[0]).toBeCloseTo(
            demand.reduce((sum, kw) => sum + kw, 0),
            6,
          );
      }),
      { numRuns: 300, seed: 3 },
    );
    expect(checked).toBeGreaterThan(50);
  });

  test('whatever a router books is feasible, on trees and in rings', () => {
    fc.assert(
      fc.property(drawn('any'), ({ scenario, wishes }) => {
        const problem = compileProblem({ ...scenario, fixedPower: [] });
        const router = openRouter(problem, 0);
        const demand = new Float64Array(problem.network.nodes.length);
        for (const [turn, kw] of wishes.entries()) {
          const node = turn % demand.length;
          const routed = router.route(node, kw, balancedPhases);
          expect(Math.abs(routed)).toBeLessThanOrEqual(Math.abs(kw) + 1e-9);
          demand[node] = (demand[node] ?? 0) + routed;
          expect(isFeasibleByMaxFlow(problem, 0, demand)).toBe(true);
        }
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});
