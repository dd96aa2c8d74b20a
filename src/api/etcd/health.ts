import { setTimeout as delay } from 'node:timers/promises';
import type { ReplicaHandle } from '../../replica/types.ts';
import { healthWatchIntervalMs } from '../limits.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from './gen/grpc/health/v1/health.ts';
import { decodeMessage } from './method.ts';

/** grpc.health.v1.Health. The server as a whole is the only service that it knows, as in etcd. */
export class HealthService {
  readonly #replica: ReplicaHandle;

  constructor(replica: ReplicaHandle) {
    this.#replica = replica;
  }

  check(bytes: Uint8Array): Uint8Array | Failure {
    const request = decodeMessage(HealthCheckRequest, bytes);
    if (request instanceof Failure) return request;
    if (request.service !== '') return new Failure(Code.notFound, 'unknown service');
    return encode(this.#status(request.service));
  }

  /** Says how things are, and again whenever that changes. */
  async *watch(bytes: Uint8Array, call: Call): AsyncGenerator<Uint8Array, Failure | undefined, undefined> {
    const request = decodeMessage(HealthCheckRequest, bytes);
    if (request instanceof Failure) return request;
    let last: ServingStatus | undefined;
    while (!call.cancelled) {
      const status = this.#status(request.service);
      if (status !== last) yield encode(status);
      last = status;
      await delay(healthWatchIntervalMs, undefined, { ref: false });
    }
    return undefined;
  }

  #status(service: string): ServingStatus {
    if (service !== '') return ServingStatus.SERVICE_UNKNOWN;
    const { phase, leader } = this.#replica.status();
    return phase === 'running' && leader !== undefined ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}

function encode(status: ServingStatus): Uint8Array {
  return HealthCheckResponse.encode({ status }).finish();
}
