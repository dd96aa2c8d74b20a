/** Colours by meaning. Charging and discharging are told apart by people with colour blindness as well. */
export const palette = {
  ink: '#1b2733',
  muted: '#5d6b7a',
  faint: '#d7dee6',
  grid: '#e9eef3',
  stay: '#eff3f7',
  charge: '#1f77b4',
  chargeFill: '#9ecae9',
  discharge: '#d95f02',
  dischargeFill: '#fbc08a',
  energy: '#0b7a5f',
  limit: '#c1121f',
  target: '#7a3e9d',
  minimum: '#b7791f',
  maximum: '#5d6b7a',
  load: '#b8c1cb',
  pv: '#f2c230',
  price: '#7a3e9d',
  good: '#2a9d5c',
  bad: '#c1121f',
} as const;

/** Distinct colours for up to twelve things. */
const distinct: readonly string[] = [
  '#1f77b4',
  '#e58606',
  '#2a9d5c',
  '#c44e52',
  '#7a3e9d',
  '#8c6d31',
  '#17a2b8',
  '#d36ba6',
  '#6b7a1e',
  '#5c6bc0',
  '#00897b',
  '#a1887f',
];

/** A colour for thing number `index` of `count`: distinct ones for a few, a ramp for many. */
export function colourOf(index: number, count: number): string {
  if (count <= distinct.length) return distinct[index] ?? palette.muted;
  return ramp(viridis, index / Math.max(1, count - 1));
}

/** Anchors of viridis (Smith and van der Walt), without its palest end, which is lost on white. */
const viridis: readonly string[] = [
  '#440154',
  '#46327e',
  '#365c8d',
  '#277f8e',
  '#1fa187',
  '#4ac16d',
  '#a0da39',
  '#d8e219',
];

const heat: readonly string[] = ['#dde6ee', '#f6e3a1', '#f8c05a', '#f3903f', '#e4572e', '#c1121f'];

/** From nothing (pale) over yellow to the capacity (red). */
export function utilizationColour(share: number): string {
  return ramp(heat, Math.min(1, Math.max(0, share)));
}

function ramp(anchors: readonly string[], share: number): string {
  const position = share * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(position));
  const part = position - low;
  const channel = (colour: string | undefined, at: number): number =>
    Number.parseInt(colour?.slice(at, at + 2) ?? '0', 16);
  const mixed = [1, 3, 5].map((at) => {
    const value = channel(anchors[low], at) * (1 - part) + channel(anchors[low + 1], at) * part;
    return Math.round(value).toString(16).padStart(2, '0');
  });
  return `#${mixed.join('')}`;
}
