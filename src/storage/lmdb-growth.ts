import type { Growth } from './lmdb-room.ts';

/** What LMDB says of the tree that holds the pairs, and of the file. */
export interface TreeShape {
  readonly treeDepth: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  /** Of the file, one less than it has. */
  readonly lastPageNumber: number;
}

interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Header of a page, and what a node takes besides its key and value: LMDB's own sizes, rounded up. */
const pageHeaderBytes = 24;
const nodeBytes = 16;
/** The trees for names and for the record, and the new root of a tree that grows. */
const otherPages = 16;

/**
 * What a transaction can add to LMDB's file. Every page that it changes is written to another place (copy on write), and it
 * is not counted on that pages which became free before can be used again: views hold on to them. `longestKey` is of all
 * keys in the tree and in the changes: whatever key it is that a split hands to the page above, it has no more bytes.
 */
export function growthOf(
  tree: TreeShape,
  pageSize: number,
  changes: readonly Change[],
  longestKey: number,
): Growth {
  const { overflowPages, inlineBytes, removals } = sizesOf(changes, pageSize);
  const copies = (touched: number): { leaves: number; branches: number } => ({
    leaves: Math.min(touched, tree.treeLeafPageCount),
    branches: Math.min(touched * tree.treeDepth, tree.treeBranchPageCount),
  });
  // A page that was full is split once, and again when half a page was added to it.
  const filled = Math.ceil((2 * inlineBytes) / pageSize);
  const likely = copies(changes.length);
  const expected = overflowPages + likely.leaves + likely.branches + filled;

  // A page that becomes too empty is merged with the one beside it, or takes a pair from it.
  const { leaves, branches } = copies(changes.length + removals);
  const leafSplits = Math.min(changes.length, leaves + filled);
  const branchSplits =
    Math.min(leafSplits, branches) + pagesAbove(leafSplits, branchFill(longestKey, pageSize));
  const atMost = overflowPages + leaves + branches + leafSplits + branchSplits;
  return growth(tree, pageSize, expected, Math.max(expected, atMost));
}

/**
 * The same for pairs that are appended in ascending order to a tree that was filled in this way alone. A page is left when
 * the next pair does not fit it, so any two that follow each other hold more than one page; only the last one of each level is
 * copied. The pages of any other tree with the same pairs are runs of them too, and no fewer: nothing fills them better.
 */
export function appendGrowthOf(tree: TreeShape, pageSize: number, pairs: readonly Change[]): Growth {
  const { overflowPages, inlineBytes, longestKey } = sizesOf(pairs, pageSize);
  const room = pageSize - pageHeaderBytes;
  const copied = tree.treeDepth;
  const fill = branchFill(longestKey, pageSize);
  const total = (leaves: number): number =>
    overflowPages + copied + leaves + pagesAbove(leaves, fill) + tree.treeDepth;
  const expected = total(Math.ceil(inlineBytes / room) + 1);
  return growth(tree, pageSize, expected, total(Math.ceil((2 * inlineBytes) / room) + 1));
}

interface Sizes {
  readonly overflowPages: number;
  /** In the pages of the tree. */
  readonly inlineBytes: number;
  readonly removals: number;
  readonly longestKey: number;
}

function sizesOf(changes: readonly Change[], pageSize: number): Sizes {
  let overflowPages = 0;
  let inlineBytes = 0;
  let removals = 0;
  let longestKey = 0;
  for (const { key, value } of changes) {
    const length = value?.length ?? 0;
    // Two nodes have to fit a page; a larger value lies on pages of its own.
    const large = nodeBytes + key.length + length > (pageSize - pageHeaderBytes) / 2 - nodeBytes;
    if (large) overflowPages += Math.ceil((pageHeaderBytes + length) / pageSize);
    if (value !== undefined) inlineBytes += nodeBytes + key.length + (large ? 0 : length);
    else removals++;
    longestKey = Math.max(longestKey, key.length);
  }
  return { overflowPages, inlineBytes, removals, longestKey };
}

/** The part of half a branch page that one key takes; two fit a half when keys are short enough, and one always does. */
const branchFill = (longestKey: number, pageSize: number): number =>
  Math.min(1 / 2, (2 * (nodeBytes + longestKey)) / (pageSize - pageHeaderBytes));

/** Pages in all levels above, of which each has one for 1 / `fill` in the level below. */
const pagesAbove = (pages: number, fill: number): number => Math.ceil((pages * fill) / (1 - fill));

/** In bytes, with the list of free pages, of which each has an entry of eight bytes, and which is written anew. */
function growth(tree: TreeShape, pageSize: number, expected: number, atMost: number): Growth {
  const bytes = (pages: number): number => {
    const listed = tree.lastPageNumber + 1 + pages;
    return (pages + otherPages + Math.ceil((2 * 8 * listed) / pageSize)) * pageSize;
  };
  return { expected: bytes(expected), atMost: bytes(atMost) };
}
