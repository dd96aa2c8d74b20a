/** Keys in the order of their bytes. */
export interface KeyRange {
  readonly from: Uint8Array;
  /** The first key that is not in the range; undefined means no upper end. A single key `k` is [k, k + "\0"). */
  readonly to: Uint8Array | undefined;
}
