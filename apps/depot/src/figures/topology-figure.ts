import type { Network, NetworkNode } from '../topology/network.ts';
import type { NetworkUtilization, Utilization } from '../topology/utilization.ts';
import { palette, utilizationColour } from './palette.ts';
import { heading, textWidth } from './panel.ts';
import { shortNumber } from './scale.ts';
import { document, element, group, rect, text, title } from './svg.ts';

const card = { width: 150, height: 46 };
const column = 236;
const rowHeight = 56;

/** Above this number of EVSEs, they are drawn as small squares inside of their station's row. */
const largeFrom = 40;

/**
 * The topology from the grid connection (left) to the EVSEs (right). Bars show the mean (dark) and the peak utilization of
 * each node; lines are as thick as the power that they carried at most, and coloured by it against the capacity.
 */
export function drawTopology(network: Network, used: NetworkUtilization, name: string): string {
  const evses = network.nodes.filter(({ type }) => type === 'evse');
  const conductors = network.nodes.some(({ phaseKw }) => Number.isFinite(phaseKw));
  const compact = evses.length > largeFrom;
  const shown = network.nodes.filter(({ type }) => !compact || type !== 'evse');
  const places = placeNodes(network, shown);
  const columns = Math.max(...[...places.values()].map(({ depth }) => depth)) + 1;
  const rows = Math.max(...[...places.values()].map(({ row }) => row)) + 1;
  const strip = compact ? evseStripWidth(network) : 0;
  const width = Math.max(760, 30 + (columns - 1) * column + card.width + strip + 40);
  const height = 96 + rows * rowHeight + 20;
  const at = (index: number): { x: number; y: number } => {
    const place = places.get(index) ?? { depth: 0, row: 0 };
    return { x: 30 + place.depth * column, y: 96 + place.row * rowHeight };
  };
  const strongest = Math.max(1, ...used.links.map(({ peakKw }) => peakKw));
  const links = network.links.filter(({ from, to }) => places.has(from) && places.has(to));
  return document(
    width,
    height,
    `Topology and its utilization: ${name}`,
    heading(
      'Topology and its utilization',
      conductors
        ? `${name} · peaks; thin dark line: mean; L: fullest conductor`
        : `${name} · peak power, and share of the capacity; the thin dark line is the mean`,
      30,
    ),
    colourKey(width),
    ...links.map((link) =>
      drawLink(at(link.from), at(link.to), used.links[link.index], used.nodes[link.to], strongest),
    ),
    ...shown.map((node) => drawNode(node, at(node.index), used.nodes[node.index])),
    ...(compact ? shown.map((node) => drawEvses(network, node, at(node.index), used)) : []),
  );
}

/** Depth is the longest way from the grid; leaves get rows of their own, other nodes the middle of what they feed. */
function placeNodes(
  network: Network,
  shown: readonly NetworkNode[],
): Map<number, { depth: number; row: number }> {
  const visible = new Set(shown.map(({ index }) => index));
  const depths = new Map<number, number>();
  // Nodes come after all that feed them.
  for (const { index, feeders } of network.nodes) {
    const above = feeders.map((link) => depths.get(network.links[link]?.from ?? -1) ?? 0);
    depths.set(index, feeders.length === 0 ? 0 : Math.max(...above) + 1);
  }
  const rows = new Map<number, number>();
  let nextRow = 0;
  const place = (index: number): number => {
    const known = rows.get(index);
    if (known !== undefined) return known;
    const below = (network.nodes[index]?.outlets ?? [])
      .map((link) => network.links[link]?.to ?? -1)
      .filter((to) => visible.has(to));
    const placed = below.map((to) => place(to));
    const [first, last] = [Math.min(...placed), Math.max(...placed)];
    const row = placed.length === 0 ? nextRow++ : (first + last) / 2;
    rows.set(index, row);
    return row;
  };
  for (const { index } of shown) place(index);
  return new Map(
    shown.map(({ index }) => [index, { depth: depths.get(index) ?? 0, row: rows.get(index) ?? 0 }]),
  );
}

function drawNode(
  { id, type, importKw, phaseKw }: NetworkNode,
  { x, y }: { readonly x: number; readonly y: number },
  used: Utilization | undefined,
): string {
  const { peakKw = 0, meanShare = 0, conductor } = used ?? {};
  const byConductor = conductor !== undefined && conductor.peakShare >= (used?.peakShare ?? 0);
  const peakShare = fullest(used);
  const limited = byConductor || Number.isFinite(importKw);
  const numbers = byConductor
    ? `L: ${shortNumber(conductor.peakKw)} / ${shortNumber(phaseKw)} kW`
    : Number.isFinite(importKw)
      ? `${shortNumber(peakKw)} / ${shortNumber(importKw)} kW`
      : `${shortNumber(peakKw)} kW`;
  const bar = card.width - 20;
  return group(
    {},
    title(`${type} ${id}: peak ${shortNumber(peakKw)} kW, ${Math.round(100 * peakShare)} % of the capacity`),
    rect(x, y, card.width, card.height, { fill: '#ffffff', stroke: palette.faint, rx: 6 }),
    text(fitted(id, bar), {
      x: x + 10,
      y: y + 16,
      'font-size': 12,
      'font-weight': 600,
      fill: palette.ink,
    }),
    text(numbers, { x: x + 10, y: y + 39, 'font-size': 10, fill: palette.muted }),
    text(limited ? `${Math.round(100 * peakShare)} %` : '', {
      x: x + card.width - 10,
      y: y + 39,
      'text-anchor': 'end',
      'font-size': 10,
      fill: peakShare > 1 + 1e-6 ? palette.bad : palette.muted,
    }),
    rect(x + 10, y + 21, bar, 6, { fill: palette.grid, rx: 3 }),
    rect(x + 10, y + 21, bar * Math.min(1, peakShare), 6, { fill: utilizationColour(peakShare), rx: 3 }),
    rect(x + 10, y + 23, bar * Math.min(1, meanShare), 2, { fill: palette.ink, 'fill-opacity': 0.65 }),
  );
}

/** The share of what binds first: the capacity, or the limit of one conductor. */
function fullest(used: Utilization | undefined): number {
  return Math.max(used?.peakShare ?? 0, used?.conductor?.peakShare ?? 0);
}

function fitted(name: string, width: number): string {
  let shown = name;
  while (shown.length > 1 && textWidth(shown, 12) > width) shown = shown.slice(0, -1);
  return shown === name ? name : `${shown.slice(0, -1)}…`;
}

function drawLink(
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number },
  link: Utilization | undefined,
  node: Utilization | undefined,
  strongest: number,
): string {
  const [x1, y1] = [from.x + card.width, from.y + card.height / 2];
  const [x2, y2] = [to.x, to.y + card.height / 2];
  const middle = (x1 + x2) / 2;
  const kw = link?.peakKw ?? 0;
  return element('path', {
    d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
    fill: 'none',
    stroke: kw > 1e-6 ? utilizationColour(Math.max(link?.peakShare ?? 0, fullest(node))) : palette.faint,
    'stroke-width': 1.2 + 7 * Math.sqrt(kw / strongest),
  });
}

const square = 13;

function evseStripWidth(network: Network): number {
  const most = Math.max(0, ...network.nodes.map((node) => evsesOf(network, node).length));
  return 24 + most * (square + 3);
}

function evsesOf(network: Network, { outlets }: NetworkNode): NetworkNode[] {
  return outlets
    .map((link) => network.nodes[network.links[link]?.to ?? -1])
    .filter((node): node is NetworkNode => node?.type === 'evse');
}

function drawEvses(
  network: Network,
  station: NetworkNode,
  { x, y }: { readonly x: number; readonly y: number },
  used: NetworkUtilization,
): string {
  return group(
    {},
    ...evsesOf(network, station).map(({ id, index }, position) =>
      group(
        {},
        title(`${id}: peak ${shortNumber(used.nodes[index]?.peakKw ?? 0)} kW`),
        rect(x + card.width + 10 + position * (square + 3), y + (card.height - square) / 2, square, square, {
          fill: utilizationColour(fullest(used.nodes[index])),
          stroke: palette.faint,
          rx: 3,
        }),
      ),
    ),
  );
}

function colourKey(width: number): string {
  const [x, y, length, cells] = [width - 190, 22, 160, 32];
  const label = (content: string, at: number, anchor: string): string =>
    text(content, { x: at, y: y + 24, 'text-anchor': anchor, 'font-size': 11, fill: palette.muted });
  return group(
    {},
    ...Array.from({ length: cells }, (_, cell) =>
      rect(x + (cell * length) / cells, y, length / cells + 0.5, 10, {
        fill: utilizationColour(cell / (cells - 1)),
      }),
    ),
    label('0 %', x, 'start'),
    label('of capacity', x + length / 2, 'middle'),
    label('100 %', x + length, 'end'),
  );
}
