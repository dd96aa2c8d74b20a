import { limits } from './limits.ts';
import { join, optional, type Reader } from './reader.ts';
import type { Capacity, Link, Phase, PhaseLimit, Topology, TopologyNode } from './topology.ts';

type Supply = NonNullable<TopologyNode['supply']>;

export function readTopology(reader: Reader, value: unknown, path: string): Topology {
  const record = reader.record(value, path, ['nodes', 'links']);
  return {
    nodes: reader.list(record['nodes'], join(path, 'nodes'), (item, at) => readNode(reader, item, at)),
    links: reader.list(record['links'], join(path, 'links'), (item, at) => readLink(reader, item, at)),
  };
}

function readNode(reader: Reader, value: unknown, path: string): TopologyNode {
  const record = reader.record(value, path, ['type', 'id', 'capacity', 'phaseLimit', 'supply']);
  const type = reader.oneOf(record['type'], join(path, 'type'), [
    'grid',
    'transformer',
    'busbar',
    'station',
    'evse',
  ]);
  if (type !== 'evse' && record['supply'] !== undefined) {
    reader.fail(join(path, 'supply'), `is for nodes of type evse, this one is of type ${type}`);
  }
  return {
    type,
    id: reader.text(record['id'], join(path, 'id')),
    ...optional<{ capacity: Capacity; phaseLimit: PhaseLimit; supply: Supply }>(record, path, {
      capacity: (item, at) => readCapacity(reader, item, at),
      phaseLimit: (item, at) => readPhaseLimit(reader, item, at),
      supply: (item, at) => readSupply(reader, item, at),
    }),
  };
}

function readLink(reader: Reader, value: unknown, path: string): Link {
  const record = reader.record(value, path, ['from', 'to', 'capacity']);
  return {
    from: reader.text(record['from'], join(path, 'from')),
    to: reader.text(record['to'], join(path, 'to')),
    ...optional<{ capacity: Capacity }>(record, path, {
      capacity: (item, at) => readCapacity(reader, item, at),
    }),
  };
}

function readCapacity(reader: Reader, value: unknown, path: string): Capacity {
  const record = reader.record(value, path, ['importKw', 'exportKw']);
  const kw = (item: unknown, at: string) => reader.number(item, at, { min: 0, max: limits.powerKw });
  return optional<{ importKw: number; exportKw: number }>(record, path, { importKw: kw, exportKw: kw });
}

function readPhaseLimit(reader: Reader, value: unknown, path: string): PhaseLimit {
  const record = reader.record(value, path, ['currentA', 'voltageV']);
  return {
    currentA: reader.number(record['currentA'], join(path, 'currentA'), { min: 0, max: 1e6 }),
    voltageV: reader.number(record['voltageV'], join(path, 'voltageV'), {
      min: 0,
      aboveMin: true,
      max: 1e6,
    }),
  };
}

function readSupply(reader: Reader, value: unknown, path: string): Supply {
  const record = reader.record(value, path, ['type', 'conductors']);
  const type = reader.oneOf(record['type'], join(path, 'type'), ['dc', 'ac']);
  if (type === 'dc') return { type };
  const at = join(path, 'conductors');
  const conductors = reader.list(record['conductors'], at, (item, itemPath) =>
    reader.oneOf<Phase>(item, itemPath, ['L1', 'L2', 'L3']),
  );
  if (conductors.length === 0 || new Set(conductors).size !== conductors.length) {
    reader.fail(at, 'must name one to three different conductors');
  }
  return { type, conductors };
}
