import type { Capacity, Link, Topology, TopologyNode } from '../model/topology.ts';
import type { TreeSpecification } from './specification.ts';

interface Level {
  readonly nodes: TopologyNode[];
  readonly links: Link[];
}

/**
 * The topology of a tree specification. A level with a single node keeps it: a small depot has one transformer, one bus bar.
 * EVSEs are named after their station, as `S03-2`.
 */
export function buildTree(specification: TreeSpecification): Topology {
  const { evses, evsesPerStation, stationsPerBusbar, busbarsPerTransformer } = specification;
  const both = (kw: number): Capacity => ({ importKw: kw, exportKw: kw });
  const stations = Math.ceil(evses / evsesPerStation);
  const busbars = Math.ceil(stations / stationsPerBusbar);
  const transformers = Math.ceil(busbars / busbarsPerTransformer);
  const grid: TopologyNode = {
    type: 'grid',
    id: 'grid',
    capacity: {
      importKw: specification.gridKwPerEvse * evses,
      exportKw: specification.gridExportKwPerEvse * evses,
    },
  };
  const level: Level = { nodes: [grid], links: [] };
  const add = (node: TopologyNode, from: string): void => {
    level.nodes.push(node);
    level.links.push({ from, to: node.id });
  };
  /** How many EVSEs there are below position `index` of a level whose nodes have `each` of them, the last one fewer. */
  const below = (index: number, each: number): number => Math.min(each, evses - index * each);
  const perBusbar = evsesPerStation * stationsPerBusbar;
  const perTransformer = perBusbar * busbarsPerTransformer;
  const name = (letter: string, index: number, of: number): string =>
    `${letter}${String(index + 1).padStart(String(of).length, '0')}`;
  for (let t = 0; t < transformers; t++) {
    const capacity = both(specification.transformerKwPerEvse * below(t, perTransformer));
    add({ type: 'transformer', id: name('T', t, transformers), capacity }, 'grid');
  }
  for (let b = 0; b < busbars; b++) {
    const capacity = both(specification.busbarKwPerEvse * below(b, perBusbar));
    const from = name('T', Math.floor(b / busbarsPerTransformer), transformers);
    add({ type: 'busbar', id: name('B', b, busbars), capacity }, from);
  }
  for (let s = 0; s < stations; s++) {
    const id = name('S', s, stations);
    const from = name('B', Math.floor(s / stationsPerBusbar), busbars);
    add({ type: 'station', id, capacity: both(specification.stationKw) }, from);
    for (let e = 0; e < below(s, evsesPerStation); e++) {
      add(
        {
          type: 'evse',
          id: `${id}-${e + 1}`,
          capacity: both(specification.evseKw),
          supply: { type: 'dc' },
        },
        id,
      );
    }
  }
  return level;
}
