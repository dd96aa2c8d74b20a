import type { ComparedStrategy, Comparison } from '../compare/compare.ts';
import { palette } from './palette.ts';
import { heading } from './panel.ts';
import { shortNumber } from './scale.ts';
import { document, group, halo, line, rect, text } from './svg.ts';

interface Column {
  readonly label: string;
  readonly unit: string;
  readonly value: (compared: ComparedStrategy) => number;
  readonly digits: number;
  readonly colour: string;
}

const columns: readonly Column[] = [
  {
    label: 'Delivered',
    unit: 'kWh',
    value: ({ measures }) => measures.deliveredKwh,
    digits: 0,
    colour: palette.energy,
  },
  { label: 'Unmet', unit: 'kWh', value: ({ measures }) => measures.unmetKwh, digits: 1, colour: palette.bad },
  { label: 'Cost', unit: 'EUR', value: ({ measures }) => measures.costEur, digits: 2, colour: palette.price },
  { label: 'Peak', unit: 'kW', value: ({ measures }) => measures.peakKw, digits: 0, colour: palette.charge },
  {
    label: 'Cycled',
    unit: 'kWh',
    value: ({ measures }) => measures.cycledKwh,
    digits: 0,
    colour: palette.discharge,
  },
  { label: 'Run time', unit: 'ms', value: ({ runMs }) => runMs, digits: 0, colour: palette.muted },
];

const row = 30;
const names = 150;
const columnWidth = 158;

/** One row for each strategy, one column of bars for each measure; a line in each column marks the optimum. */
export function drawComparison({ optimum, unmanaged, strategies }: Comparison, scenario: string): string {
  const rows = [optimum, ...strategies, unmanaged];
  const width = names + columns.length * columnWidth + 40;
  const top = 104;
  const height = top + rows.length * row + 40;
  return document(
    width,
    height,
    `Strategies on the same instance: ${scenario}`,
    heading('Strategies on the same instance', `${scenario} · the dashed line is the optimum`),
    ...rows.map(({ name }, index) =>
      text(name, {
        x: names - 12,
        y: top + index * row + 17,
        'text-anchor': 'end',
        'font-weight': name === 'optimum' ? 700 : 500,
        fill: name === 'none' ? palette.muted : palette.ink,
      }),
    ),
    ...columns.map((column, index) =>
      drawColumn(column, rows, optimum, { x: names + index * columnWidth, y: top }),
    ),
    text('none: everybody charges at once with full power, whatever the limits', {
      x: 24,
      y: height - 14,
      'font-size': 11,
      fill: palette.muted,
    }),
  );
}

function drawColumn(
  { label, unit, value, digits, colour }: Column,
  rows: readonly ComparedStrategy[],
  optimum: ComparedStrategy,
  at: { readonly x: number; readonly y: number },
): string {
  // As it is written: a bar for what rounding leaves of nothing would be as long as the column.
  const shown = (row: ComparedStrategy): number => Number(value(row).toFixed(digits));
  const values = rows.map(shown);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  // Numbers stand to the right of the bars and need room of their own.
  const length = columnWidth - 66;
  const scale = (amount: number): number => at.x + ((amount - low) / (high - low || 1)) * length;
  const best = scale(shown(optimum));
  return group(
    {},
    text(`${label}, ${unit}`, { x: at.x, y: at.y - 14, 'font-weight': 600, fill: palette.ink }),
    label === 'Run time'
      ? ''
      : line(best, at.y - 4, best, at.y + rows.length * row, {
          stroke: palette.ink,
          'stroke-dasharray': '3 3',
          'stroke-width': 1,
        }),
    ...values.map((amount, index) => {
      const [from, to] = [scale(Math.min(0, amount)), scale(Math.max(0, amount))];
      return group(
        {},
        rect(from, at.y + index * row + 4, Math.max(1, to - from), row - 12, {
          fill: colour,
          'fill-opacity': rows[index] === optimum ? 1 : 0.6,
          rx: 2,
        }),
        text(amount >= 1e4 ? shortNumber(amount) : amount.toFixed(digits), {
          x: to + 6,
          y: at.y + index * row + 17,
          'font-size': 11,
          fill: palette.ink,
          ...halo,
        }),
      );
    }),
  );
}
