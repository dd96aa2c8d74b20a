import { setTimeout as pause } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import {
  DeleteRangeRequest,
  DeleteRangeResponse,
  MemberListRequest,
  MemberListResponse,
  type MessageFns,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  SnapshotRequest,
  SnapshotResponse,
  StatusRequest,
  StatusResponse,
  TxnRequest,
  TxnResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { Connection, type Hindrance, misunderstood, type ServerAddress } from './connection.ts';
import { ClientFailure } from './failure.ts';
import { type CallKind, judge } from './outcome.ts';

export interface CallsOptions {
  /** Tried in this order; at least one. */
  readonly servers: readonly ServerAddress[];
  /** For a whole call, over all the servers that it tries. */
  readonly timeoutMs: number;
}

/** How long to wait before all servers are asked again, when each of them said "not now". */
const roundPauseMs = 100;

interface Method<Request, Response> {
  readonly path: string;
  readonly kind: CallKind;
  readonly request: MessageFns<Request>;
  readonly response: MessageFns<Response>;
}

const rangeMethod = { path: '/etcdserverpb.KV/Range', request: RangeRequest, response: RangeResponse };
const putMethod = { path: '/etcdserverpb.KV/Put', request: PutRequest, response: PutResponse };
const deleteMethod = {
  path: '/etcdserverpb.KV/DeleteRange',
  request: DeleteRangeRequest,
  response: DeleteRangeResponse,
};
const txnMethod = { path: '/etcdserverpb.KV/Txn', request: TxnRequest, response: TxnResponse };
const statusMethod = {
  path: '/etcdserverpb.Maintenance/Status',
  request: StatusRequest,
  response: StatusResponse,
};
const memberListMethod = {
  path: '/etcdserverpb.Cluster/MemberList',
  request: MemberListRequest,
  response: MemberListResponse,
};
const snapshotPath = '/etcdserverpb.Maintenance/Snapshot';

/**
 * Calls to a cluster that speaks etcd v3. A call goes to the first server that can be reached, and on to the next one
 * when that one certainly did nothing. Every method rejects with `ClientFailure`, whose `type` says whether the call may
 * have taken effect.
 */
export class Calls {
  readonly #connections: Connection[];
  readonly #timeoutMs: number;

  constructor(options: CallsOptions) {
    this.#connections = options.servers.map((server) => new Connection(server));
    this.#timeoutMs = options.timeoutMs;
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#call({ ...rangeMethod, kind: 'read' }, request);
  }

  put(request: PutRequest): Promise<PutResponse> {
    return this.#call({ ...putMethod, kind: 'write' }, request);
  }

  deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
    return this.#call({ ...deleteMethod, kind: 'write' }, request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#call({ ...txnMethod, kind: onlyReads(request) ? 'read' : 'write' }, request);
  }

  /** Of the first server that answers. */
  status(): Promise<StatusResponse> {
    return this.#call({ ...statusMethod, kind: 'read' }, {});
  }

  memberList(request: MemberListRequest): Promise<MemberListResponse> {
    return this.#call({ ...memberListMethod, kind: 'read' }, request);
  }

  /** A backup of the state of the first server that answers; fails when no bytes come for as long as the timeout. */
  async *snapshot(): AsyncGenerator<SnapshotResponse> {
    const connection = await this.#firstReachable();
    const stream = connection.stream(snapshotPath, SnapshotRequest.encode({}).finish());
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
    for (const connection of this.#connections) connection.close();
  }

  async #call<Request, Response>(method: Method<Request, Response>, message: Request): Promise<Response> {
    const request = method.request.encode(message).finish();
    const deadline = Date.now() + this.#timeoutMs;
    for (;;) {
      const failure = await this.#round(method, request, deadline);
      if (!(failure instanceof ClientFailure)) return failure.response;
      if (failure.type === 'unreachable' || Date.now() + roundPauseMs >= deadline) throw failure;
      await pause(roundPauseMs);
    }
  }

  /** Asks one server after the other; a failure that is returned, and not thrown, may be tried again. */
  async #round<Request, Response>(
    method: Method<Request, Response>,
    request: Uint8Array,
    deadline: number,
  ): Promise<{ readonly response: Response } | ClientFailure> {
    const hindrances = new Map<string, Hindrance>();
    let refusal: ClientFailure | undefined;
    for (const [tried, connection] of this.#connections.entries()) {
      const share = Date.now() + (deadline - Date.now()) / (this.#connections.length - tried);
      const why = await connection.unreachable(share);
      if (why !== undefined) {
        hindrances.set(connection.endpoint, why);
        continue;
      }
      const answer = await connection.call(method.path, request, method.kind === 'read' ? share : deadline);
      if (answer.type === 'bytes') return { response: readAnswer(method, answer.bytes, connection.endpoint) };
      if (await connection.wasMisunderstood(answer.error)) {
        hindrances.set(connection.endpoint, misunderstood);
        continue;
      }
      const verdict = judge(answer.error, method.kind);
      refusal = new ClientFailure(verdict.type, connection.endpoint, readableDetails(answer.error));
      if (!verdict.elsewhere) throw refusal;
    }
    return refusal ?? this.#unreachable(hindrances);
  }

  async #firstReachable(): Promise<Connection> {
    const deadline = Date.now() + this.#timeoutMs;
    const hindrances = new Map<string, Hindrance>();
    for (const [tried, connection] of this.#connections.entries()) {
      const share = Date.now() + (deadline - Date.now()) / (this.#connections.length - tried);
      const why = await connection.unreachable(share);
      if (why === undefined) return connection;
      hindrances.set(connection.endpoint, why);
    }
    throw this.#unreachable(hindrances);
  }

  #unreachable(hindrances: ReadonlyMap<string, Hindrance>): ClientFailure {
    const endpoints = this.#connections.map((connection) => connection.endpoint).join(', ');
    const reasons = [...hindrances].map(([endpoint, { detail }]) => `${endpoint}: ${detail}`);
    const obstacles = [...hindrances.values()].flatMap(({ obstacle }) => obstacle ?? []);
    return new ClientFailure('unreachable', endpoints, reasons.join('; '), obstacles);
  }
}

/** Of a deadline that passed on our side the library tells its own inner workings. */
function readableDetails({ code, details }: ServiceError): string {
  if (code === status.DEADLINE_EXCEEDED) return 'no answer in time';
  return details === '' ? `gRPC code ${code}` : details;
}

function onlyReads(txn: TxnRequest): boolean {
  return [...txn.success, ...txn.failure].every(({ request }) => {
    if (request?.$case === 'requestTxn') return onlyReads(request.value);
    return request?.$case === 'requestRange';
  });
}

function readAnswer<Request, Response>(
  method: Method<Request, Response>,
  bytes: Uint8Array,
  endpoint: string,
): Response {
  try {
    return method.response.decode(bytes);
  } catch (error) {
    const type = method.kind === 'write' ? 'unknown' : 'refused';
    throw new ClientFailure(type, endpoint, `the answer cannot be read: ${(error as Error).message}`);
  }
}
