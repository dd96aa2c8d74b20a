import type { Finding } from '../model/reader.ts';
import type { Link, Topology, TopologyNode } from '../model/topology.ts';

/** Everything that is wrong with the structure of a topology, and where; paths begin with `topology`. */
export function validateTopology({ nodes, links }: Topology): Finding[] {
  const findings: Finding[] = [];
  const byId = new Map<string, number>();
  for (const [index, node] of nodes.entries()) {
    const first = byId.get(node.id);
    if (first === undefined) byId.set(node.id, index);
    else {
      findings.push({
        path: nodePath(index),
        message: `has the id ${node.id}, which nodes[${first}] has already`,
      });
    }
  }
  findings.push(...validateGrid(nodes, links), ...validateLinks(nodes, links, byId));
  // What follows walks along the links, which only makes sense when they are sound.
  if (findings.length > 0) return findings;
  const cycle = findCycle(nodes, links);
  if (cycle !== undefined) {
    return [{ path: 'topology.links', message: `form a cycle: ${cycle.join(' → ')}` }];
  }
  return [...validateReach(nodes, links), ...validatePhaseLimits(nodes, links)];
}

function validateGrid(nodes: readonly TopologyNode[], links: readonly Link[]): Finding[] {
  const grids = nodes.filter((node) => node.type === 'grid');
  const [grid] = grids;
  if (grid === undefined || grids.length > 1) {
    return [
      { path: 'topology.nodes', message: `must contain one node of type grid, contain ${grids.length}` },
    ];
  }
  return links.flatMap((link, index) =>
    link.to === grid.id
      ? [
          {
            path: linkPath(index),
            message: `leads from ${link.from} to the grid connection ${grid.id}; links lead away from it`,
          },
        ]
      : [],
  );
}

function validateLinks(
  nodes: readonly TopologyNode[],
  links: readonly Link[],
  byId: ReadonlyMap<string, number>,
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  for (const [index, link] of links.entries()) {
    for (const end of ['from', 'to'] as const) {
      if (!byId.has(link[end])) {
        findings.push({ path: `${linkPath(index)}.${end}`, message: `names the unknown node ${link[end]}` });
      }
    }
    const from = nodes[byId.get(link.from) ?? -1];
    if (from?.type === 'evse') {
      findings.push({
        path: linkPath(index),
        message: `leads away from the EVSE ${link.from}, which feeds only vehicles`,
      });
    }
    const key = JSON.stringify([link.from, link.to]);
    const twin = seen.get(key);
    if (twin === undefined) seen.set(key, index);
    else {
      findings.push({
        path: linkPath(index),
        message: `repeats links[${twin}] from ${link.from} to ${link.to}`,
      });
    }
  }
  return findings;
}

/** The ids along a cycle, the first one again at the end. */
function findCycle(nodes: readonly TopologyNode[], links: readonly Link[]): string[] | undefined {
  const outlets = groupBy(links, (link) => link.from);
  const done = new Set<string>();
  for (const { id } of nodes) {
    if (done.has(id)) continue;
    // Depth first with a stack of our own: a chain may be longer than the call stack.
    const path: { readonly id: string; next: number }[] = [{ id, next: 0 }];
    const onPath = new Set([id]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const link = outlets.get(top.id)?.[top.next++];
      if (link === undefined) {
        path.pop();
        onPath.delete(top.id);
        done.add(top.id);
      } else if (onPath.has(link.to)) {
        const ids = path.map((entry) => entry.id);
        return [...ids.slice(ids.indexOf(link.to)), link.to];
      } else if (!done.has(link.to)) {
        path.push({ id: link.to, next: 0 });
        onPath.add(link.to);
      }
    }
  }
  return undefined;
}

function validateReach(nodes: readonly TopologyNode[], links: readonly Link[]): Finding[] {
  const reached = below(
    nodes.flatMap((node) => (node.type === 'grid' ? [node.id] : [])),
    links,
  );
  return nodes.flatMap((node, index) =>
    reached.has(node.id)
      ? []
      : [
          {
            path: nodePath(index),
            message: `${node.id} is not connected: no chain of links leads to it from the grid`,
          },
        ],
  );
}

function validatePhaseLimits(nodes: readonly TopologyNode[], links: readonly Link[]): Finding[] {
  return nodes.flatMap((node, index) => {
    if (node.phaseLimit === undefined) return [];
    const inside = below([node.id], links);
    const foreign = links.find(
      (link) => link.to !== node.id && inside.has(link.to) && !inside.has(link.from),
    );
    if (foreign === undefined) return [];
    const message = `${node.id} must feed all that is below it alone, but ${foreign.to} is also fed by ${foreign.from}`;
    return [{ path: `${nodePath(index)}.phaseLimit`, message }];
  });
}

/** The ids that links lead to from `roots`, these included. */
function below(roots: readonly string[], links: readonly Link[]): Set<string> {
  const outlets = groupBy(links, (link) => link.from);
  const reached = new Set(roots);
  // A set may grow while it is walked through: what is added is visited as well.
  for (const id of reached) for (const link of outlets.get(id) ?? []) reached.add(link.to);
  return reached;
}

function groupBy(links: readonly Link[], key: (link: Link) => string): Map<string, Link[]> {
  const groups = new Map<string, Link[]>();
  for (const link of links) {
    const group = groups.get(key(link));
    if (group === undefined) groups.set(key(link), [link]);
    else group.push(link);
  }
  return groups;
}

const nodePath = (index: number): string => `topology.nodes[${index}]`;
const linkPath = (index: number): string => `topology.links[${index}]`;
