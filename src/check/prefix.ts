/** What one replica showed at one moment: a sequence of things, oldest first. */
export interface Observation<Item> {
  readonly replica: string;
  readonly items: readonly Item[];
}

export type PrefixVerdict =
  | { readonly type: 'ok' }
  | {
      readonly type: 'illegal';
      readonly property: 'commonPrefix' | 'growth';
      /** The first place where the two differ. */
      readonly at: number;
      readonly between: readonly [string, string];
    };

/**
 * Common prefix and growth (Garay, Kiayias and Leonardos 2015) over observations in the order in which they were made.
 * Whatever two of them show, but for their last `depth` items, is the same as far as both reach; and no replica shows less
 * than before, but for as many. A depth of 0 is what instant finality promises.
 */
export function checkPrefix<Item>(
  observations: readonly Observation<Item>[],
  depth: number,
  equal: (a: Item, b: Item) => boolean,
): PrefixVerdict {
  const longest = new Map<string, number>();
  let chain: Observation<Item> = { replica: '', items: [] };
  for (const observation of observations) {
    const { replica, items } = observation;
    const settled = Math.max(0, items.length - depth);
    const shown = longest.get(replica) ?? 0;
    if (settled < shown - depth) {
      return { type: 'illegal', property: 'growth', at: settled, between: [replica, replica] };
    }
    longest.set(replica, Math.max(shown, settled));
    const compared = Math.min(settled, chain.items.length);
    for (let at = 0; at < compared; at++) {
      if (equal(items[at] as Item, chain.items[at] as Item)) continue;
      return { type: 'illegal', property: 'commonPrefix', at, between: [chain.replica, replica] };
    }
    if (settled > chain.items.length) chain = { replica, items: items.slice(0, settled) };
  }
  return { type: 'ok' };
}
