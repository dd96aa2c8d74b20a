import { RangeGroup } from './range-group.ts';

interface Node {
  readonly group: RangeGroup;
  readonly priority: number;
  left: Node | undefined;
  right: Node | undefined;
  /** The highest end of any range at or below; undefined when one has no end. */
  reach: string | undefined;
}

/**
 * Ranges, ordered by where they begin: a treap (Seidel and Aragon 1996) in which each node knows how far the ranges below it reach.
 * Whatever the order of insertion, its depth is logarithmic, but for bad luck in the priorities; those are the same in
 * every run.
 */
export class IntervalTree {
  #root: Node | undefined;
  #inserted = 0;

  /** The group of this very range; there is one after this. */
  group(from: string, to: string | undefined): RangeGroup {
    const found = this.find(from, to);
    if (found !== undefined) return found;
    const group = new RangeGroup(from, to);
    const priority = scramble(++this.#inserted);
    this.#root = insert(this.#root, { group, priority, left: undefined, right: undefined, reach: to });
    return group;
  }

  find(from: string, to: string | undefined): RangeGroup | undefined {
    let node = this.#root;
    while (node !== undefined) {
      const order = compare(from, to, node.group);
      if (order === 0) return node.group;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  delete(from: string, to: string | undefined): void {
    this.#root = remove(this.#root, from, to);
  }

  /** Calls `visit` with each group whose range holds the key. */
  visit(key: string, visit: (group: RangeGroup) => void): void {
    visitBelow(this.#root, key, visit);
  }

  *groups(): Generator<RangeGroup> {
    yield* groupsBelow(this.#root);
  }
}

function visitBelow(node: Node | undefined, key: string, visit: (group: RangeGroup) => void): void {
  if (node === undefined || (node.reach !== undefined && node.reach <= key)) return;
  visitBelow(node.left, key, visit);
  const { from, to } = node.group;
  if (from > key) return;
  if (to === undefined || key < to) visit(node.group);
  visitBelow(node.right, key, visit);
}

function* groupsBelow(node: Node | undefined): Generator<RangeGroup> {
  if (node === undefined) return;
  yield* groupsBelow(node.left);
  yield node.group;
  yield* groupsBelow(node.right);
}

function insert(node: Node | undefined, added: Node): Node {
  if (node === undefined) return added;
  if (compare(added.group.from, added.group.to, node.group) < 0) {
    node.left = insert(node.left, added);
    return node.left.priority > node.priority ? rotateRight(node, node.left) : extended(node);
  }
  node.right = insert(node.right, added);
  return node.right.priority > node.priority ? rotateLeft(node, node.right) : extended(node);
}

function remove(node: Node | undefined, from: string, to: string | undefined): Node | undefined {
  if (node === undefined) return undefined;
  const order = compare(from, to, node.group);
  if (order === 0) return join(node.left, node.right);
  if (order < 0) node.left = remove(node.left, from, to);
  else node.right = remove(node.right, from, to);
  return extended(node);
}

/** One tree of two, everything in `left` before everything in `right`. */
function join(left: Node | undefined, right: Node | undefined): Node | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = join(left.right, right);
    return extended(left);
  }
  right.left = join(left, right.left);
  return extended(right);
}

function rotateRight(node: Node, left: Node): Node {
  node.left = left.right;
  left.right = extended(node);
  return extended(left);
}

function rotateLeft(node: Node, right: Node): Node {
  node.right = right.left;
  right.left = extended(node);
  return extended(right);
}

/** Brings `reach` up to date. */
function extended(node: Node): Node {
  let reach = node.group.to;
  if (node.left !== undefined) reach = further(reach, node.left.reach);
  if (node.right !== undefined) reach = further(reach, node.right.reach);
  node.reach = reach;
  return node;
}

const further = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || b === undefined ? undefined : a < b ? b : a;

/** Order by beginning, then by end. */
function compare(from: string, to: string | undefined, group: RangeGroup): number {
  if (from !== group.from) return from < group.from ? -1 : 1;
  if (to === group.to) return 0;
  return group.to === undefined || (to !== undefined && to < group.to) ? -1 : 1;
}

/** A permutation of the 32-bit integers that looks random (the finalizer of MurmurHash3). */
function scramble(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
