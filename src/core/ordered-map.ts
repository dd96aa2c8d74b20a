import { compareBytes, lowerBound } from './bytes.ts';
import type { ScanRange } from './store.ts';

/** `undefined` stands for absence, so it is no value. */
type Value = NonNullable<unknown>;

/**
 * A map from byte strings in their unsigned order to values: a B+tree whose nodes are shared between a map and its
 * snapshots and copied when either of them writes. `snapshot` is O(1); a scan sees the map as it was when it began.
 * Keys handed in are immutable from then on.
 */
export class OrderedMap<V extends Value> {
  #root: Node<V>;
  #size: number;
  /** Nodes that carry this very object belong to this map alone and may be changed in place. */
  #owner: object = {};

  constructor() {
    this.#root = { owner: this.#owner, keys: [], values: [] };
    this.#size = 0;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Uint8Array): V | undefined {
    let node = this.#root;
    while ('children' in node) node = node.children[childFor(node, key)] as Node<V>;
    const at = lowerBound(node.keys, key);
    return at < node.keys.length && compareBytes(node.keys[at] as Uint8Array, key) === 0
      ? node.values[at]
      : undefined;
  }

  /** Returns the value that was replaced. */
  set(key: Uint8Array, value: V): V | undefined {
    const root = owned(this.#root, this.#owner);
    const previous = insert(root, key, value, this.#owner);
    if (previous === undefined) this.#size++;
    this.#root =
      sizeOf(root) <= maxEntries
        ? root
        : { owner: this.#owner, ...withSeparators(splitInHalf(root, this.#owner)) };
    return previous;
  }

  /** True when the key was there. */
  delete(key: Uint8Array): boolean {
    if (this.get(key) === undefined) return false;
    let root = owned(this.#root, this.#owner);
    remove(root, key, this.#owner);
    if ('children' in root && root.children.length === 1) root = root.children[0] as Node<V>;
    this.#root = root;
    this.#size--;
    return true;
  }

  /** An independent map with the same pairs, at no cost but that both now copy the nodes they change. */
  snapshot(): OrderedMap<V> {
    const copy = new OrderedMap<V>();
    copy.#root = this.#root;
    copy.#size = this.#size;
    this.#owner = {};
    return copy;
  }

  /** Pairs with `from <= key < to` in the order asked for, as they are now: later changes do not show. */
  scan(range: ScanRange): IterableIterator<readonly [key: Uint8Array, value: V]> {
    const before = this.#owner;
    const during = {};
    this.#owner = during;
    const pairs = range.reverse === true ? descending : ascending;
    // Once the scan is over, its nodes are this map's alone again, unless a snapshot or a later scan shares them.
    return pairs(this.#root, range, () => {
      if (this.#owner === during) this.#owner = before;
    });
  }
}

interface Leaf<V> {
  readonly owner: object;
  readonly keys: Uint8Array[];
  readonly values: V[];
}

interface Branch<V> {
  readonly owner: object;
  /** `keys[i]` is at most every key below `children[i + 1]` and above every key below `children[i]`. */
  readonly keys: Uint8Array[];
  readonly children: Node<V>[];
}

type Node<V> = Leaf<V> | Branch<V>;

const maxEntries = 32;
const minEntries = 10;

const sizeOf = <V>(node: Node<V>): number => ('children' in node ? node.children.length : node.keys.length);

/** Which child of a branch holds `key`: as many as there are separators at or before it. */
function childFor<V>(branch: Branch<V>, key: Uint8Array): number {
  const at = lowerBound(branch.keys, key);
  return at < branch.keys.length && compareBytes(branch.keys[at] as Uint8Array, key) === 0 ? at + 1 : at;
}

function owned<V>(node: Node<V>, owner: object): Node<V> {
  if (node.owner === owner) return node;
  return 'children' in node
    ? { owner, keys: node.keys.slice(), children: node.children.slice() }
    : { owner, keys: node.keys.slice(), values: node.values.slice() };
}

/** Returns the value that was replaced. May leave `node` one entry too large, for its parent to split. */
function insert<V>(node: Node<V>, key: Uint8Array, value: V, owner: object): V | undefined {
  if (!('children' in node)) {
    const at = lowerBound(node.keys, key);
    if (at < node.keys.length && compareBytes(node.keys[at] as Uint8Array, key) === 0) {
      const previous = node.values[at];
      node.values[at] = value;
      return previous;
    }
    node.keys.splice(at, 0, key);
    node.values.splice(at, 0, value);
    return undefined;
  }
  const at = childFor(node, key);
  const child = owned(node.children[at] as Node<V>, owner);
  node.children[at] = child;
  const previous = insert(child, key, value, owner);
  if (sizeOf(child) > maxEntries) {
    const split = splitInHalf(child, owner);
    node.children.splice(at, 1, split.left, split.right);
    node.keys.splice(at, 0, split.separator);
  }
  return previous;
}

/** Removes a key that is there. May leave `node` too small, for its parent to mend. */
function remove<V>(node: Node<V>, key: Uint8Array, owner: object): void {
  if (!('children' in node)) {
    const at = lowerBound(node.keys, key);
    node.keys.splice(at, 1);
    node.values.splice(at, 1);
    return;
  }
  const at = childFor(node, key);
  const child = owned(node.children[at] as Node<V>, owner);
  node.children[at] = child;
  remove(child, key, owner);
  if (sizeOf(child) < minEntries) mend(node, Math.max(0, at - 1), owner);
}

/** Joins the children at `at` and `at + 1`, and parts them evenly again when they do not fit one node. */
function mend<V>(branch: Branch<V>, at: number, owner: object): void {
  const left = branch.children[at] as Node<V>;
  const right = branch.children[at + 1] as Node<V>;
  const joined = join(left, right, branch.keys[at] as Uint8Array, owner);
  if (sizeOf(joined) <= maxEntries) {
    branch.children.splice(at, 2, joined);
    branch.keys.splice(at, 1);
    return;
  }
  const split = splitInHalf(joined, owner);
  branch.children.splice(at, 2, split.left, split.right);
  branch.keys[at] = split.separator;
}

function join<V>(left: Node<V>, right: Node<V>, separator: Uint8Array, owner: object): Node<V> {
  if ('children' in left && 'children' in right) {
    return {
      owner,
      keys: [...left.keys, separator, ...right.keys],
      children: [...left.children, ...right.children],
    };
  }
  const [a, b] = [left as Leaf<V>, right as Leaf<V>];
  return { owner, keys: [...a.keys, ...b.keys], values: [...a.values, ...b.values] };
}

interface Split<V> {
  readonly left: Node<V>;
  readonly right: Node<V>;
  readonly separator: Uint8Array;
}

function splitInHalf<V>(node: Node<V>, owner: object): Split<V> {
  const half = sizeOf(node) >>> 1;
  const { keys } = node;
  if ('children' in node) {
    return {
      left: { owner, keys: keys.slice(0, half - 1), children: node.children.slice(0, half) },
      right: { owner, keys: keys.slice(half), children: node.children.slice(half) },
      separator: keys[half - 1] as Uint8Array,
    };
  }
  return {
    left: { owner, keys: keys.slice(0, half), values: node.values.slice(0, half) },
    right: { owner, keys: keys.slice(half), values: node.values.slice(half) },
    separator: keys[half] as Uint8Array,
  };
}

const withSeparators = <V>(split: Split<V>): { keys: Uint8Array[]; children: Node<V>[] } => ({
  keys: [split.separator],
  children: [split.left, split.right],
});

/** The branches above a leaf, each with the child taken. */
type Path<V> = { readonly branch: Branch<V>; at: number }[];

function descend<V>(root: Node<V>, path: Path<V>, choose: (branch: Branch<V>) => number): Leaf<V> {
  let node = root;
  while ('children' in node) {
    const at = choose(node);
    path.push({ branch: node, at });
    node = node.children[at] as Node<V>;
  }
  return node;
}

/** The leaf after (`step` 1) or before (-1) the one that `path` leads to. */
function neighbour<V>(path: Path<V>, step: 1 | -1): Leaf<V> | undefined {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    last.at += step;
    const next = last.branch.children[last.at];
    if (next !== undefined)
      return descend(next, path, (branch) => (step === 1 ? 0 : branch.children.length - 1));
    path.pop();
  }
  return undefined;
}

type Pairs<V> = IterableIterator<readonly [key: Uint8Array, value: V]>;

function* ascending<V>(root: Node<V>, range: ScanRange, over: () => void): Pairs<V> {
  const path: Path<V> = [];
  let leaf: Leaf<V> | undefined = descend(root, path, (branch) => childFor(branch, range.from));
  let at = lowerBound(leaf.keys, range.from);
  try {
    while (leaf !== undefined) {
      for (; at < leaf.keys.length; at++) {
        const key = leaf.keys[at] as Uint8Array;
        if (range.to !== undefined && compareBytes(key, range.to) >= 0) return;
        yield [key, leaf.values[at] as V];
      }
      leaf = neighbour(path, 1);
      at = 0;
    }
  } finally {
    over();
  }
}

function* descending<V>(root: Node<V>, range: ScanRange, over: () => void): Pairs<V> {
  const path: Path<V> = [];
  const { to } = range;
  let leaf: Leaf<V> | undefined = descend(root, path, (branch) =>
    to === undefined ? branch.children.length - 1 : childFor(branch, to),
  );
  let at = (to === undefined ? leaf.keys.length : lowerBound(leaf.keys, to)) - 1;
  try {
    while (leaf !== undefined) {
      for (; at >= 0; at--) {
        const key = leaf.keys[at] as Uint8Array;
        if (compareBytes(key, range.from) < 0) return;
        yield [key, leaf.values[at] as V];
      }
      leaf = neighbour(path, -1);
      at = leaf === undefined ? -1 : leaf.keys.length - 1;
    }
  } finally {
    over();
  }
}
