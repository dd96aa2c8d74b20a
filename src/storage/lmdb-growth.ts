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
 * is not counted on that pages which became free before can be used again: views hold on to them. A tree's page is split
 * when what is added does not fit it: expected as often as the added bytes fill half a page, at worst for each change.
 */
export function growthOf(tree: TreeShape, pageSize: number, changes: readonly Change[]): Growth {
  let overflowPages = 0;
  let inlineBytes = 0;
  for (const { key, value } of changes) {
    const length = value?.length ?? 0;
    // Two nodes have to fit a page; a larger value lies on pages of its own.
    const large = nodeBytes + key.length + length > (pageSize - pageHeaderBytes) / 2 - nodeBytes;
    if (large) overflowPages += Math.ceil((pageHeaderBytes + length) / pageSize);
    inlineBytes += nodeBytes + key.length + (large ? 0 : length);
  }
  const leaves = Math.min(changes.length, tree.treeLeafPageCount);
  const branches = Math.min(changes.length * tree.treeDepth, tree.treeBranchPageCount);
  const filled = Math.ceil((2 * inlineBytes) / pageSize);
  const expected = overflowPages + leaves + branches + filled;
  // Each page that is split adds one to the level above, where keys are as long as two to a page.
  const split = 2 * (filled + leaves);
  return { expected: bytes(expected), atMost: bytes(expected + split) };

  /** With the list of free pages, of which each has an entry of eight bytes, and which is written anew. */
  function bytes(pages: number): number {
    const listed = tree.lastPageNumber + 1 + pages;
    return (pages + otherPages + Math.ceil((2 * 8 * listed) / pageSize)) * pageSize;
  }
}
