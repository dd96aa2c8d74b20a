import type { ResponseHeader } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { DeleteResult, RangeQuery, RangeResult, Selection, Watch, WatchQuery } from '../coordination.ts';
import type { Driver, DriverCall, DriverTxn, DriverTxnResult, Grant } from '../driver.ts';
import { codeOf } from '../errors.ts';
import type { Cluster } from '../wire/cluster.ts';
import { type Method, methods } from '../wire/methods.ts';
import type { CallKind } from '../wire/outcome.ts';
import { deleteRequest, putRequest } from '../wire/requests.ts';
import { coordinationError } from './failures.ts';
import { HomeCluster } from './home-cluster.ts';
import { KeepAlive } from './keep-alive.ts';
import { operationResult, rangeResult, revisionOf, wireQuery, wireRange, wireTxn } from './requests.ts';
import { Watches } from './watches.ts';

/** Whatever speaks etcd's API: a cluster of ours, or etcd's. */
export class EtcdDriver implements Driver {
  readonly #cluster: Cluster;
  readonly #home: HomeCluster;
  readonly #watches: Watches;
  readonly #keepAlive: KeepAlive;

  constructor(cluster: Cluster, home = new HomeCluster()) {
    this.#cluster = cluster;
    this.#home = home;
    this.#watches = new Watches(cluster, home);
    this.#keepAlive = new KeepAlive(cluster);
  }

  async range(query: RangeQuery, call: DriverCall): Promise<RangeResult> {
    return rangeResult(await this.#unary(methods.range, 'read', wireQuery(query), call));
  }

  async put(
    entry: { readonly key: Uint8Array; readonly value: Uint8Array; readonly lease: bigint },
    call: DriverCall,
  ): Promise<bigint> {
    const { header } = await this.#unary(methods.put, 'write', putRequest(entry), call);
    return revisionOf(header);
  }

  async del(selection: Selection, call: DriverCall): Promise<DeleteResult> {
    const request = deleteRequest(wireRange(selection));
    const { header, deleted } = await this.#unary(methods.deleteRange, 'write', request, call);
    return { revision: revisionOf(header), deleted: Number(deleted) };
  }

  async txn(txn: DriverTxn, call: DriverCall): Promise<DriverTxnResult> {
    const writes = [...txn.success, ...txn.failure].some(({ type }) => type === 'put' || type === 'delete');
    const answer = await this.#unary(methods.txn, writes ? 'write' : 'read', wireTxn(txn), call);
    const { header, succeeded, responses } = answer;
    const branch = succeeded ? txn.success : txn.failure;
    return {
      succeeded,
      revision: revisionOf(header),
      results: branch.map((operation, at) =>
        operationResult(operation, responses[at] ?? { response: undefined }, header),
      ),
    };
  }

  watch(query: WatchQuery): Watch {
    return this.#watches.watch(query);
  }

  /** A lease that was granted twice expires once nobody knows of it. */
  async grant(ttlSeconds: number, call: DriverCall): Promise<Grant> {
    const request = { ID: 0n, TTL: BigInt(ttlSeconds) };
    const { ID, TTL } = await this.#unary(methods.leaseGrant, 'repeatable', request, call);
    return { id: ID, ttl: Number(TTL) };
  }

  renew(lease: bigint, call: DriverCall): Promise<number> {
    return this.#keepAlive.renew(lease, call);
  }

  async revoke(lease: bigint, call: DriverCall): Promise<void> {
    try {
      await this.#unary(methods.leaseRevoke, 'repeatable', { ID: lease }, call);
    } catch (error) {
      if (codeOf(error) !== 'leaseLost') throw error;
    }
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#keepAlive.close();
    this.#cluster.close();
  }

  async #unary<Request, Response extends { readonly header: ResponseHeader | undefined }>(
    method: Method<Request, Response>,
    kind: CallKind,
    request: Request,
    { signal, deadlineMs }: DriverCall,
  ): Promise<Response> {
    const limits = { deadline: Date.now() + deadlineMs, signal, patient: true };
    const response = await this.#cluster.call(method, kind, request, limits).catch((error: unknown) => {
      throw coordinationError(error, signal);
    });
    const { header } = response;
    const stranger = header && this.#home.check(header.clusterId, kind === 'read' ? 'refused' : 'unknown');
    if (stranger !== undefined) throw stranger;
    return response;
  }
}
