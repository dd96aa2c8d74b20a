import { randomBytes } from 'node:crypto';
import type {
  DeleteResult,
  RangeQuery,
  RangeResult,
  Selection,
  Watch,
  WatchQuery,
} from '../client/coordination.ts';
import type { Driver, DriverCall, DriverTxn, DriverTxnResult, Grant } from '../client/driver.ts';
import { codeOf } from '../client/errors.ts';
import { isReadOnly, putOf } from '../machine/index.ts';
import type { ReplicaHandle } from '../replica/index.ts';
import { KeyAccess } from './access.ts';
import { Renewals } from './renewals.ts';
import { deleteRequest, operationResult, rangeRequest, rangeResult, txnRequest } from './requests.ts';
import { Watches } from './watches.ts';

/** As at the client port: less would not outlive an election. */
const minTtlSeconds = 2;

/** A replica in this process, without a connection between. */
export class EmbeddedDriver implements Driver {
  readonly #keys: KeyAccess;
  readonly #watches: Watches;
  readonly #renewals: Renewals;

  constructor(replica: ReplicaHandle) {
    this.#keys = new KeyAccess(replica);
    this.#watches = new Watches(replica);
    this.#renewals = new Renewals(this.#keys);
  }

  async range(query: RangeQuery, call: DriverCall): Promise<RangeResult> {
    const { consistency = 'linearizable' } = query;
    const { result, revision } = await this.#keys.read(rangeRequest(query), consistency, call);
    return rangeResult(result, revision);
  }

  async put(
    entry: { readonly key: Uint8Array; readonly value: Uint8Array; readonly lease: bigint },
    call: DriverCall,
  ): Promise<bigint> {
    const { key, value, lease } = entry;
    const { revision } = await this.#keys.execute(putOf(key, value, { lease }), call);
    return revision;
  }

  async del(selection: Selection, call: DriverCall): Promise<DeleteResult> {
    const { revision, result } = await this.#keys.execute(deleteRequest(selection), call);
    return { revision, deleted: result.deleted };
  }

  async txn(txn: DriverTxn, call: DriverCall): Promise<DriverTxnResult> {
    const request = txnRequest(txn);
    const { revision, result } = isReadOnly(request)
      ? await this.#keys.read(request, 'linearizable', call)
      : await this.#keys.execute(request, call);
    const branch = result.succeeded ? txn.success : txn.failure;
    return {
      succeeded: result.succeeded,
      revision,
      results: branch.map((operation, at) => operationResult(operation, result.results[at], revision)),
    };
  }

  watch(query: WatchQuery): Watch {
    return this.#watches.watch(query);
  }

  async grant(ttlSeconds: number, call: DriverCall): Promise<Grant> {
    const ttl = Math.max(ttlSeconds, minTtlSeconds);
    const { result } = await this.#keys.execute({ type: 'grant', lease: randomLease(), ttl }, call);
    return { id: result.lease, ttl: result.ttl };
  }

  renew(lease: bigint, call: DriverCall): Promise<number> {
    return this.#renewals.renew(lease, call);
  }

  async revoke(lease: bigint, call: DriverCall): Promise<void> {
    try {
      await this.#keys.execute({ type: 'revoke', lease }, call);
    } catch (error) {
      if (codeOf(error) !== 'leaseLost') throw error;
    }
  }

  async close(): Promise<void> {
    this.#watches.close();
  }
}

/** Of 63 bits, so that two never meet. */
function randomLease(): bigint {
  const lease = randomBytes(8).readBigUInt64BE() >> 1n;
  return lease === 0n ? 1n : lease;
}
