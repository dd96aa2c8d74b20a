type Value = string | number | undefined;

export type Attributes = Readonly<Record<string, Value>>;

/** One element; numbers are written with at most two decimals, which is a hundredth of a pixel. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? number(value) : escapeText(value)}"`)
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escapeText(content));
}

/** For texts that stand on lines: a white rim around the letters. */
export const halo: Attributes = {
  'paint-order': 'stroke',
  stroke: '#ffffff',
  'stroke-width': 4,
  'stroke-linejoin': 'round',
};

export function group(attributes: Attributes, ...children: readonly string[]): string {
  return element('g', attributes, ...children);
}

/** A tooltip of the element that it is a child of. */
export function title(content: string): string {
  return element('title', {}, escapeText(content));
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...attributes });
}

export function rect(x: number, y: number, width: number, height: number, attributes: Attributes): string {
  return element('rect', { x, y, width: Math.max(0, width), height: Math.max(0, height), ...attributes });
}

export function path(points: readonly Point[], attributes: Attributes, closed = false): string {
  const d = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${number(x)} ${number(y)}`).join('');
  return element('path', { d: closed ? `${d}Z` : d, ...attributes });
}

export type Point = readonly [x: number, y: number];

/** A whole document with a white background. */
export function document(
  width: number,
  height: number,
  label: string,
  ...children: readonly string[]
): string {
  const content = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${number(width)} ${number(height)}`,
      role: 'img',
      'aria-label': label,
      'font-family': "Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif",
      'font-size': 12,
    },
    rect(0, 0, width, height, { fill: '#ffffff' }),
    ...children,
  );
  return `${content}\n`;
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escapeText(value: string): string {
  return value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
