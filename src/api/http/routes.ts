import type { ReplicaHandle } from '../../replica/types.ts';
import { etcdVersion } from '../etcd/version.ts';
import type { FaultReport } from '../rpc/rpc.ts';
import { type GatewayOptions, gateway } from './gateway.ts';
import { health, livez, readyz } from './health.ts';
import {
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type HttpStreamResponse,
  json,
  text,
} from './http.ts';

/** Where the numbers for /metrics come from: a registry of prom-client is one. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface Routes {
  readonly replica: ReplicaHandle;
  readonly gateway: Omit<GatewayOptions, 'fault'>;
  readonly metrics: MetricsSource;
  /** Of quorate itself. */
  readonly version: string | undefined;
  /** Told of an exception, which no client should be able to cause. */
  readonly fault: FaultReport;
}

const help = `this is the client port of a quorate replica. It serves
  gRPC       the etcd v3 API, and grpc.health.v1.Health
  GET        /version /health /livez /readyz /metrics
  POST JSON  /v3/kv/range, /v3/kv/put and all other paths of etcd's gateway
`;

/** Everything that is asked for over plain HTTP. */
export function httpRoutes(routes: Routes): HttpHandler {
  return async (request) => {
    try {
      return await route(routes, request);
    } catch (error) {
      routes.fault(error, request.path);
      return json(500, { error: 'internal error: the server has logged it' });
    }
  };
}

async function route(routes: Routes, request: HttpRequest): Promise<HttpResponse | HttpStreamResponse> {
  if (request.path.startsWith('/v3/')) {
    return gateway({ ...routes.gateway, fault: routes.fault }, request);
  }
  const get = getRoutes[request.path];
  if (get === undefined) return text(404, `${request.path} is not here: ${help}`);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, `${request.path} takes GET\n`, { allow: 'GET, HEAD' });
  }
  return get(routes, request.query);
}

type Get = (routes: Routes, query: URLSearchParams) => HttpResponse | Promise<HttpResponse>;

const getRoutes: Readonly<Record<string, Get>> = Object.assign(Object.create(null), {
  '/version': ({ version }) =>
    json(200, { etcdserver: etcdVersion, etcdcluster: etcdVersion, ...(version && { quorate: version }) }),
  '/health': ({ replica }, query) => health(replica, query),
  '/livez': ({ replica }, query) => livez(replica, query),
  '/readyz': ({ replica }, query) => readyz(replica, query),
  '/metrics': async ({ metrics }) => ({
    status: 200,
    contentType: metrics.contentType,
    body: await metrics.metrics(),
  }),
} satisfies Record<string, Get>);
