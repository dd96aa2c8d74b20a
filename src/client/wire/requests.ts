import type { DeleteRangeRequest, PutRequest, RangeRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { emptyBytes } from '../../core/bytes.ts';
import { prefixEnd as endOfPrefix } from '../key-range.ts';

type Fields<T extends { readonly key: Uint8Array }> = Partial<T> & Pick<T, 'key'>;

export const rangeRequest = (fields: Fields<RangeRequest>): RangeRequest => ({
  rangeEnd: emptyBytes,
  limit: 0n,
  revision: 0n,
  sortOrder: 0,
  sortTarget: 0,
  serializable: false,
  keysOnly: false,
  countOnly: false,
  minModRevision: 0n,
  maxModRevision: 0n,
  minCreateRevision: 0n,
  maxCreateRevision: 0n,
  ...fields,
});

export const putRequest = (fields: Fields<PutRequest>): PutRequest => ({
  value: emptyBytes,
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
  ...fields,
});

export const deleteRequest = (fields: Fields<DeleteRangeRequest>): DeleteRangeRequest => ({
  rangeEnd: emptyBytes,
  prevKv: false,
  ...fields,
});

/** "All keys from `key` on", and with a zero byte as the key too, the whole key space. */
export const withoutEnd: Uint8Array = Uint8Array.of(0);

/** The end of the range of all keys that begin with `prefix`. */
export const prefixEnd = (prefix: Uint8Array): Uint8Array => endOfPrefix(prefix) ?? withoutEnd;
