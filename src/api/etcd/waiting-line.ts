import { concatBytes, emptyBytes, utf8 } from '../../core/bytes.ts';
import {
  type Compare,
  type KeyRange,
  type KeyValue,
  putOf,
  type RangeResult,
  rangeOf,
  type TxnResult,
} from '../../machine/index.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { Changes } from './changes.ts';
import type { ResponseHeader } from './gen/etcdserverpb/rpc.ts';
import type { Answered, KeyAccess } from './key-access.ts';
import { keyRange } from './requests.ts';

/** A place in a line: the key that holds it, and when it was taken. */
export interface Place {
  readonly line: Uint8Array;
  readonly key: Uint8Array;
  readonly createRevision: bigint;
  readonly lease: bigint;
  /** The pair that was there before, when the lease had its place already. */
  readonly earlier: KeyValue | undefined;
}

/**
 * First come, first served, among the keys under a prefix: what locks and elections have in common (wire contract item
 * 22). The key of a place ends in the lease that it lives by, and the revision of its creation is its number.
 */
export class WaitingLine {
  readonly #changes: Changes;
  readonly #keys: KeyAccess;

  readonly #lost: Failure;

  /** `lost`: what to say to those whose lease ended before their turn came, and their place with it. */
  constructor(keys: KeyAccess, changes: Changes, lost: Failure) {
    this.#changes = changes;
    this.#keys = keys;
    this.#lost = lost;
  }

  /** Takes the last place, or finds the one that the lease has already. */
  async join(name: Uint8Array, lease: bigint, value: Uint8Array, call: Call): Promise<Place | Failure> {
    const line = lineOf(name);
    const key = concatBytes([line.from, utf8(lease.toString(16))]);
    const answered = await this.#keys.execute(
      {
        type: 'txn',
        compare: [created(key, 0n)],
        success: [putOf(key, value, { lease })],
        failure: [rangeOf(keyRange(key, emptyBytes))],
      },
      call,
    );
    if (answered instanceof Failure) return answered;
    const [result] = answered.result.results;
    const earlier = result?.type === 'range' ? result.pairs[0] : undefined;
    const createRevision = earlier?.createRevision ?? answered.header.revision;
    return { line: line.from, key, createRevision, lease, earlier };
  }

  /** Waits until nobody is before this place; a caller that gives up gives up the place, unless it was there before. */
  async first(place: Place, call: Call): Promise<ResponseHeader | Failure> {
    const header = await this.#first(place, call);
    if (header instanceof Failure && place.earlier === undefined) {
      await this.leave(place, new AbandonedCall(call));
    }
    return header;
  }

  /** Gives the place up, if it is still held. */
  leave(place: Pick<Place, 'key' | 'createRevision'>, call: Call): Promise<Answered<TxnResult> | Failure> {
    const { key, createRevision } = place;
    return this.#keys.execute(
      {
        type: 'txn',
        compare: [created(key, createRevision)],
        success: [{ type: 'delete', range: keyRange(key, emptyBytes), previous: false }],
        failure: [],
      },
      call,
    );
  }

  async #first(place: Place, call: Call): Promise<ResponseHeader | Failure> {
    for (;;) {
      const before = await this.#predecessor(place, call);
      if (before instanceof Failure) return before;
      const [pair] = before.result.pairs;
      if (pair === undefined) return this.#stillHeld(place, call);
      // One waits for one: when the first in the line goes, one looks up.
      const range = keyRange(pair.key, emptyBytes);
      const gone = await this.#changes.next({ range, after: before.header.revision, puts: false }, call);
      if (gone instanceof Failure) return gone;
    }
  }

  /** Whoever came last before this place. Earlier places never come back: the replica's own state is enough here. */
  #predecessor(place: Place, call: Call): Promise<Answered<RangeResult> | Failure> {
    const request = rangeOf(prefixOf(place.line), {
      maxCreateRevision: place.createRevision - 1n,
      sort: { target: 'create', descending: true },
      limit: 1,
      keysOnly: true,
    });
    return this.#keys.read(request, 'local', call);
  }

  /** Its lease may have ended while it waited: then somebody else may be first already (etcd 11408, found by Jepsen). */
  async #stillHeld(place: Place, call: Call): Promise<ResponseHeader | Failure> {
    const answered = await this.#keys.read(
      rangeOf(keyRange(place.key, emptyBytes), { keysOnly: true }),
      'linearizable',
      call,
    );
    if (answered instanceof Failure) return answered;
    const [pair] = answered.result.pairs;
    if (pair?.createRevision !== place.createRevision) return this.#lost;
    return answered.header;
  }
}

const slash = utf8('/');

/** The keys of a line: everything below "name/". */
export const lineOf = (name: Uint8Array): KeyRange => prefixOf(concatBytes([name, slash]));

/** `prefix` ends in a slash, so its last byte can be raised. */
function prefixOf(prefix: Uint8Array): KeyRange {
  const to = prefix.slice();
  to[to.length - 1] = 0x30;
  return { from: prefix, to };
}

/** Holds while the key is the one that was created at the revision; 0 for a key that does not exist. */
export const created = (key: Uint8Array, revision: bigint): Compare => ({
  range: keyRange(key, emptyBytes),
  target: 'create',
  relation: 'equal',
  operand: revision,
});

/** What is left to do for a caller who waits no more. */
class AbandonedCall implements Call {
  readonly #call: Call;
  readonly cancelled = false;

  constructor(call: Call) {
    this.#call = call;
  }

  get method(): string {
    return this.#call.method;
  }

  get certificateName(): string | undefined {
    return this.#call.certificateName;
  }

  metadata(key: string): string | undefined {
    return this.#call.metadata(key);
  }

  remainingMs(): undefined {
    return undefined;
  }
}
