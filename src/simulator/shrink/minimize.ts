/**
 * The delta debugging of Zeller and Hildebrandt (2002): a part of `items`, in order, that still fails and of which no single
 * item can be left out; or what was found by the time when `mayGoOn` says no.
 */
export function minimize<Item>(
  items: readonly Item[],
  fails: (part: readonly Item[]) => boolean,
  mayGoOn: () => boolean = () => true,
): readonly Item[] {
  let kept = items;
  let parts = 2;
  while (kept.length >= 2 && mayGoOn()) {
    const size = Math.ceil(kept.length / parts);
    let smaller: readonly Item[] | undefined;
    for (let from = 0; from < kept.length && smaller === undefined && mayGoOn(); from += size) {
      const without = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (fails(without)) smaller = without;
    }
    if (smaller !== undefined) {
      kept = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) return kept;
    else parts = Math.min(kept.length, 2 * parts);
  }
  return kept;
}
