import type { ServiceError } from '@grpc/grpc-js';
import {
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type MemberListRequest,
  type MemberListResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  SnapshotRequest,
  SnapshotResponse,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { Cluster } from './cluster.ts';
import { ClientFailure } from './failure.ts';
import type { Credentials } from './identity.ts';
import { type Method, methods, streamPaths } from './methods.ts';
import type { CallKind } from './outcome.ts';
import type { ServerAddress } from './server-address.ts';

export interface CallsOptions {
  /** Tried in this order; at least one. */
  readonly servers: readonly ServerAddress[];
  /** For a whole call, over all the servers that it tries. */
  readonly timeoutMs: number;
  readonly credentials?: Credentials;
}

/**
 * Calls to a cluster that speaks etcd v3. A call goes to the first server that can be reached, and on to the next one
 * when that one certainly did nothing. Every method rejects with `ClientFailure`, whose `type` says whether the call may
 * have taken effect.
 */
export class Calls {
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;

  constructor(options: CallsOptions) {
    this.#cluster = new Cluster(options.servers, options.credentials);
    this.#timeoutMs = options.timeoutMs;
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.call(methods.range, 'read', request);
  }

  put(request: PutRequest): Promise<PutResponse> {
    return this.call(methods.put, 'write', request);
  }

  deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    return this.call(methods.deleteRange, 'write', request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.call(methods.txn, onlyReads(request) ? 'read' : 'write', request);
  }

  /** Of the first server that answers. */
  status(): Promise<StatusResponse> {
    return this.call(methods.status, 'read', {});
  }

  memberList(request: MemberListRequest): Promise<MemberListResponse> {
    return this.call(methods.memberList, 'read', request);
  }

  /** Any other method with one answer. */
  call<Request, Response>(
    method: Method<Request, Response>,
    kind: CallKind,
    request: Request,
  ): Promise<Response> {
    return this.#cluster.call(method, kind, request, { deadline: Date.now() + this.#timeoutMs });
  }

  /** A backup of the state of the first server that answers; fails when no bytes come for as long as the timeout. */
  async *snapshot(): AsyncGenerator<SnapshotResponse> {
    const limits = { deadline: Date.now() + this.#timeoutMs };
    const { connection, metadata } = await this.#cluster.reach(limits);
    const stream = connection.stream(streamPaths.snapshot, SnapshotRequest.encode({}).finish(), metadata);
    const watchdog = setTimeout(() => stream.cancel(), this.#timeoutMs);
    try {
      for await (const bytes of stream) {
        watchdog.refresh();
        yield SnapshotResponse.decode(bytes as Uint8Array);
        watchdog.refresh();
      }
    } catch (error) {
      const details = (error as ServiceError).details ?? String(error);
      throw new ClientFailure('refused', connection.endpoint, `the backup broke off: ${details}`);
    } finally {
      clearTimeout(watchdog);
      stream.cancel();
    }
  }

  close(): void {
    this.#cluster.close();
  }
}

function onlyReads(txn: TxnRequest): boolean {
  return [...txn.success, ...txn.failure].every(({ request }) => {
    if (request?.$case === 'requestTxn') return onlyReads(request.value);
    return request?.$case === 'requestRange';
  });
}
