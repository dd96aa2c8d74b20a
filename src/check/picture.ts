import type { IllegalHistory } from './linearizability.ts';
import type { Model } from './model.ts';

const laneHeight = 46;
const left = 90;
const right = 24;
const pointWidth = 46;

/**
 * A history that no order explains, as an SVG: a lane for each client, a bar for each operation from its call to its
 * return. Green bars carry their place in the longest order that works; the red one is what nothing explains after it.
 */
export function drawIllegal<State, Input, Output>(
  model: Model<State, Input, Output>,
  { operations, order, stuck, partition }: IllegalHistory<Input, Output>,
): string {
  const clients = [...new Set(operations.map(({ client }) => client))].sort((a, b) => a - b);
  // Points far apart would draw empty space: only their order matters.
  const points = [...new Set(operations.flatMap(({ call, return: end }) => [call, end ?? call]))].sort(
    (a, b) => a - b,
  );
  const width = left + points.length * pointWidth + right;
  const height = (clients.length + 1) * laneHeight + 20;
  const x = (point: number): number => left + points.indexOf(point) * pointWidth;
  const lanes = clients.map((client, lane) => {
    const y = (lane + 1) * laneHeight;
    return `<line x1="${left - 10}" x2="${width - right}" y1="${y}" y2="${y}" class="lane"/><text x="8" y="${y + 4}">client ${client}</text>`;
  });
  const bars = operations.map((operation, at) => {
    const y = (clients.indexOf(operation.client) + 1) * laneHeight;
    const place = order.indexOf(at);
    const from = x(operation.call);
    const to = operation.return === undefined ? width - right : x(operation.return) + pointWidth - 8;
    const kind = at === stuck ? 'stuck' : place >= 0 ? 'explained' : 'other';
    const label = escapeXml(model.describe(operation.input, operation.output));
    const number = place >= 0 ? `${place + 1}. ` : '';
    const open = operation.return === undefined ? ' open' : '';
    return (
      `<g class="${kind}${open}"><title>${label} [${operation.call}, ${operation.return ?? 'open'}]</title>` +
      `<rect x="${from}" y="${y - 14}" width="${Math.max(8, to - from)}" height="24" rx="4"/>` +
      `<text x="${from + 5}" y="${y + 2}">${number}${label}</text></g>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>text{font:11px sans-serif;fill:#222}.lane{stroke:#bbb}rect{fill:#e4e4e4;stroke:#888}.explained rect{fill:#cdeccd;stroke:#3a7d3a}.stuck rect{fill:#f6c6c6;stroke:#b00020;stroke-width:2}.open rect{stroke-dasharray:4 3}</style>
<rect width="${width}" height="${height}" style="fill:#fff;stroke:none"/>
<text x="8" y="18">${escapeXml(partition)}: no order explains the answers</text>
${lanes.join('\n')}
${bars.join('\n')}
</svg>
`;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
