import { compareBytes, equalBytes } from './bytes.ts';
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
    this.#root = leafOf(this.#owner, [], []);
    this.#size = 0;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Uint8Array): V | undefined {
    let node = this.#root;
    while (node.children !== undefined) node = node.children[childFor(node, key)] as Node<V>;
    const at = placeOf(node, key);
    return holds(node, at, key) ? node.values[at] : undefined;
  }

  /** Returns the value that was replaced. */
  set(key: Uint8Array, value: V): V | undefined {
    const root = owned(this.#root, this.#owner);
    const previous = insert(root, key, value, this.#owner);
    if (previous === undefined) this.#size++;
    this.#root = sizeOf(root) <= maxEntries ? root : above(splitInHalf(root, this.#owner), this.#owner);
    return previous;
  }

  /** Returns the value that was removed. */
  delete(key: Uint8Array): V | undefined {
    const previous = this.get(key);
    if (previous === undefined) return undefined;
    const root = owned(this.#root, this.#owner);
    remove(root, key, this.#owner);
    this.#root = root.children?.length === 1 ? (root.children[0] as Node<V>) : root;
    this.#size--;
    return previous;
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

/** A leaf, which has values, or a branch, which has children: of one shape, since that is read several times as fast. */
interface Node<V> {
  readonly owner: object;
  /** Of a branch, `keys[i]` is at most every key below `children[i + 1]` and above every key below `children[i]`. */
  readonly keys: Uint8Array[];
  /** Bytes that all keys begin with alike, or fewer. */
  shared: number;
  /** The word of each key behind these. Most keys differ there, so that a search looks at one key instead of five. */
  readonly words: number[];
  /** Empty in a branch. */
  readonly values: V[];
  readonly children: Node<V>[] | undefined;
}

type Branch<V> = Node<V> & { readonly children: Node<V>[] };

const isBranch = <V>(node: Node<V>): node is Branch<V> => node.children !== undefined;

const maxEntries = 32;
const minEntries = 10;

const sizeOf = <V>(node: Node<V>): number => (node.children ?? node.keys).length;

function leafOf<V>(owner: object, keys: Uint8Array[], values: V[]): Node<V> {
  const shared = sharedBy(keys);
  return { owner, keys, shared, words: wordsOf(keys, shared), values, children: undefined };
}

function branchOf<V>(owner: object, keys: Uint8Array[], children: Node<V>[]): Node<V> {
  const shared = sharedBy(keys);
  return { owner, keys, shared, words: wordsOf(keys, shared), values: [], children };
}

/** Bytes that sorted keys begin with alike: those of the first and the last. */
function sharedBy(keys: readonly Uint8Array[]): number {
  const [first, last] = [keys[0], keys[keys.length - 1]];
  return first === undefined || last === undefined ? 0 : sharedLength(first, last);
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at++;
  return at;
}

/** Four bytes of a key as an integer, in the order of the keys but that zeros stand for what is not there. */
function wordAt(key: Uint8Array, at: number): number {
  const left = key.length - at;
  // A signed integer of 32 bits is the largest that an array holds in place.
  if (left >= 4) {
    return (
      (((key[at] as number) << 24) |
        ((key[at + 1] as number) << 16) |
        ((key[at + 2] as number) << 8) |
        (key[at + 3] as number)) ^
      0x8000_0000
    );
  }
  let word = 0;
  for (let i = 0; i < left; i++) word |= (key[at + i] as number) << (24 - 8 * i);
  return word ^ 0x8000_0000;
}

function wordsOf(keys: readonly Uint8Array[], shared: number): number[] {
  const words: number[] = [];
  for (let i = 0; i < keys.length; i++) words.push(wordAt(keys[i] as Uint8Array, shared));
  return words;
}

/** The first place in a node whose key is at or after `key`. */
const placeOf = <V>(node: Node<V>, key: Uint8Array): number => search(node, key, 0);

/** Which child of a branch holds `key`: as many as there are separators at or before it. */
const childFor = <V>(branch: Node<V>, key: Uint8Array): number => search(branch, key, 1);

/** How many keys of a node compare with `key` to less than `limit`. */
function search<V>({ keys, shared, words }: Node<V>, key: Uint8Array, limit: 0 | 1): number {
  const count = keys.length;
  if (count === 0) return 0;
  const first = keys[0] as Uint8Array;
  for (let i = 0; i < shared; i++) {
    // Undefined behind the end of a key, which is then before all of these.
    const byte = key[i];
    if (byte === first[i]) continue;
    return byte === undefined || byte < (first[i] as number) ? 0 : count;
  }
  const word = wordAt(key, shared);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = words[middle] as number;
    if (other < word || (other === word && compareBytes(keys[middle] as Uint8Array, key) < limit))
      low = middle + 1;
    else high = middle;
  }
  return low;
}

function holds<V>(leaf: Node<V>, at: number, key: Uint8Array): boolean {
  const found = leaf.keys[at];
  return found !== undefined && equalBytes(found, key);
}

function owned<V>(node: Node<V>, owner: object): Node<V> {
  if (node.owner === owner) return node;
  const { keys, shared, words, values, children } = node;
  return {
    owner,
    keys: keys.slice(),
    shared,
    words: words.slice(),
    values: values.slice(),
    children: children?.slice(),
  };
}

function insertKey<V>(node: Node<V>, at: number, key: Uint8Array): void {
  const { keys, words } = node;
  if (keys.length === 0) node.shared = key.length;
  // Between two keys nothing changes of what all begin with.
  const end = at === 0 ? keys[0] : at === keys.length ? keys[at - 1] : undefined;
  const shared = end === undefined ? node.shared : Math.min(node.shared, sharedLength(end, key));
  if (shared < node.shared) {
    node.shared = shared;
    for (let i = 0; i < keys.length; i++) words[i] = wordAt(keys[i] as Uint8Array, shared);
  }
  insertAt(keys, at, key);
  insertAt(words, at, wordAt(key, shared));
}

/** `splice` makes an array of what it removes, also of nothing. */
function insertAt<T>(list: T[], at: number, item: T): void {
  list.push(item);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1] as T;
  list[at] = item;
}

/** Returns the value that was replaced. May leave `node` one entry too large, for its parent to split. */
function insert<V>(node: Node<V>, key: Uint8Array, value: V, owner: object): V | undefined {
  const { children, values } = node;
  if (children === undefined) {
    const at = placeOf(node, key);
    if (holds(node, at, key)) {
      const previous = values[at];
      values[at] = value;
      return previous;
    }
    insertKey(node, at, key);
    insertAt(values, at, value);
    return undefined;
  }
  const at = childFor(node, key);
  const child = owned(children[at] as Node<V>, owner);
  children[at] = child;
  const previous = insert(child, key, value, owner);
  if (sizeOf(child) > maxEntries) {
    const split = splitInHalf(child, owner);
    children[at] = split.left;
    insertAt(children, at + 1, split.right);
    insertKey(node, at, split.separator);
  }
  return previous;
}

/** Removes a key that is there. May leave `node` too small, for its parent to mend. */
function remove<V>(node: Node<V>, key: Uint8Array, owner: object): void {
  const { children } = node;
  if (children === undefined) {
    const at = placeOf(node, key);
    removeKey(node, at);
    node.values.splice(at, 1);
    return;
  }
  const at = childFor(node, key);
  const child = owned(children[at] as Node<V>, owner);
  children[at] = child;
  remove(child, key, owner);
  if (sizeOf(child) < minEntries) mend(node as Branch<V>, Math.max(0, at - 1), owner);
}

function removeKey<V>({ keys, words }: Node<V>, at: number): void {
  keys.splice(at, 1);
  words.splice(at, 1);
}

/** Joins the children at `at` and `at + 1`, and parts them evenly again when they do not fit one node. */
function mend<V>(branch: Branch<V>, at: number, owner: object): void {
  const { children } = branch;
  const separator = branch.keys[at] as Uint8Array;
  const joined = join(children[at] as Node<V>, children[at + 1] as Node<V>, separator, owner);
  removeKey(branch, at);
  if (sizeOf(joined) <= maxEntries) {
    children.splice(at, 2, joined);
    return;
  }
  const split = splitInHalf(joined, owner);
  children.splice(at, 2, split.left, split.right);
  insertKey(branch, at, split.separator);
}

function join<V>(left: Node<V>, right: Node<V>, separator: Uint8Array, owner: object): Node<V> {
  if (left.children !== undefined && right.children !== undefined) {
    return branchOf(owner, [...left.keys, separator, ...right.keys], [...left.children, ...right.children]);
  }
  return leafOf(owner, [...left.keys, ...right.keys], [...left.values, ...right.values]);
}

interface Split<V> {
  readonly left: Node<V>;
  readonly right: Node<V>;
  readonly separator: Uint8Array;
}

function splitInHalf<V>(node: Node<V>, owner: object): Split<V> {
  const half = sizeOf(node) >>> 1;
  const { keys, values, children } = node;
  if (children !== undefined) {
    return {
      left: branchOf(owner, keys.slice(0, half - 1), children.slice(0, half)),
      right: branchOf(owner, keys.slice(half), children.slice(half)),
      separator: keys[half - 1] as Uint8Array,
    };
  }
  return {
    left: leafOf(owner, keys.slice(0, half), values.slice(0, half)),
    right: leafOf(owner, keys.slice(half), values.slice(half)),
    separator: keys[half] as Uint8Array,
  };
}

const above = <V>(split: Split<V>, owner: object): Node<V> =>
  branchOf(owner, [split.separator], [split.left, split.right]);

/** The branches above a leaf, each with the child taken. */
type Path<V> = { readonly branch: Branch<V>; at: number }[];

function descend<V>(root: Node<V>, path: Path<V>, choose: (branch: Branch<V>) => number): Node<V> {
  let node = root;
  while (isBranch(node)) {
    const at = choose(node);
    path.push({ branch: node, at });
    node = node.children[at] as Node<V>;
  }
  return node;
}

/** The leaf after (`step` 1) or before (-1) the one that `path` leads to. */
function neighbour<V>(path: Path<V>, step: 1 | -1): Node<V> | undefined {
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
  let leaf: Node<V> | undefined = descend(root, path, (branch) => childFor(branch, range.from));
  let at = placeOf(leaf, range.from);
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
  let leaf: Node<V> | undefined = descend(root, path, (branch) =>
    to === undefined ? branch.children.length - 1 : childFor(branch, to),
  );
  let at = (to === undefined ? leaf.keys.length : placeOf(leaf, to)) - 1;
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
