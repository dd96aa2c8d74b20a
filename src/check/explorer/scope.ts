/** How far an exploration goes. What is bounded can happen so often in a whole run, anywhere. */
export interface Scope {
  readonly replicas: number;
  /** No replica campaigns beyond this epoch. */
  readonly terms: number;
  /** Commands that clients ask for. */
  readonly entries: number;
  /** Power cuts, each followed by a start; the part of the unsynced records that survives is tried in every length. */
  readonly crashes: number;
  /** Messages that are lost. One that is never delivered is explored without this; losing it only tidies up. */
  readonly losses: number;
  /** Messages that are delivered and come once more. */
  readonly duplicates: number;
  /** Linearizable reads that clients ask a leader for. */
  readonly reads: number;
  /** Heartbeats that a leader sends because of the time. */
  readonly heartbeats: number;
}

export const defaultScope: Scope = {
  replicas: 3,
  terms: 2,
  entries: 1,
  crashes: 1,
  losses: 0,
  duplicates: 0,
  reads: 0,
  heartbeats: 0,
};

const limits: Readonly<Record<keyof Scope, readonly [low: number, high: number]>> = {
  replicas: [1, 5],
  terms: [1, 9],
  entries: [0, 9],
  crashes: [0, 9],
  losses: [0, 9],
  duplicates: [0, 9],
  reads: [0, 9],
  heartbeats: [0, 9],
};

/** Reads `replicas=3,terms=2`: what is not named is as in the default scope. A text says what is wrong, behind what was given. */
export function parseScope(text: string): Scope | string {
  const given = new Set<keyof Scope>();
  const scope: { -readonly [Bound in keyof Scope]: number } = { ...defaultScope };
  for (const part of text.split(',')) {
    const [, name = '', digits = ''] = /^(\w+)=(\d+)$/.exec(part.trim()) ?? [];
    const bound = (Object.keys(limits) as (keyof Scope)[]).find((each) => each === name);
    if (bound === undefined) return `${part}: not one of ${Object.keys(limits).join(', ')} with a number`;
    if (given.has(bound)) return `${text}: ${bound} is given twice`;
    given.add(bound);
    const [low, high] = limits[bound];
    const value = Number(digits);
    if (value < low || value > high) return `${bound}=${digits}: from ${low} to ${high}`;
    scope[bound] = value;
  }
  return scope;
}

export const describeScope = (scope: Scope): string =>
  Object.entries(scope)
    .map(([bound, value]) => `${bound}=${value}`)
    .join(',');
