import { STATUS_CODES } from 'node:http';
import type { EtcdMethod, EtcdStreamMethod } from '../etcd/method.ts';
import { type Call, Code, Failure, type FaultReport } from '../rpc/rpc.ts';
import { GatewayStream, notJson, requestMessages } from './gateway-stream.ts';
import { type HttpRequest, type HttpResponse, type HttpSink, type HttpStreamResponse, json } from './http.ts';

/** HTTP status for each code of a failed call, as gRPC gateways map them. */
const httpStatus: Readonly<Record<Failure['code'], number>> = {
  [Code.cancelled]: 499,
  [Code.unknown]: 500,
  [Code.invalidArgument]: 400,
  [Code.deadlineExceeded]: 504,
  [Code.notFound]: 404,
  [Code.alreadyExists]: 409,
  [Code.permissionDenied]: 403,
  [Code.resourceExhausted]: 429,
  [Code.failedPrecondition]: 400,
  [Code.aborted]: 409,
  [Code.outOfRange]: 400,
  [Code.unimplemented]: 501,
  [Code.internal]: 500,
  [Code.unavailable]: 503,
  [Code.dataLoss]: 500,
  [Code.unauthenticated]: 401,
};

/** What a gateway needs besides its methods. */
export interface GatewayOptions {
  readonly methods: ReadonlyMap<string, EtcdMethod | EtcdStreamMethod>;
  /** Ends streams when the server stops. */
  readonly stopping: Failure;
  readonly fault: FaultReport;
}

/** The JSON form of the etcd API: `POST /v3/kv/put` and its like, bytes in base64, 64-bit numbers as strings. */
export async function gateway(
  options: GatewayOptions,
  request: HttpRequest,
): Promise<HttpResponse | HttpStreamResponse> {
  const method = options.methods.get(request.path.slice('/v3'.length));
  if (method === undefined) {
    const message = `${request.path} is not served by this version of quorate`;
    return failed(new Failure(Code.unimplemented, message));
  }
  if (request.method !== 'POST') {
    return json(405, { error: `${request.path} takes POST`, code: Code.unimplemented }, { allow: 'POST' });
  }
  const call = new GatewayCall(method.path, request);
  if ('responseToJson' in method) return streamed(options, method, request, call);
  const parsed = parse(request.body);
  if (parsed instanceof Failure) return failed(parsed);
  const answer = await method.handleJson(parsed.value, call);
  return answer instanceof Failure ? failed(answer) : json(200, answer);
}

function streamed(
  { stopping, fault }: GatewayOptions,
  method: EtcdStreamMethod,
  request: HttpRequest,
  call: Call,
): HttpResponse | HttpStreamResponse {
  const messages = requestMessages(method, request.body);
  if (messages instanceof Failure) return failed(messages);
  const start = (sink: HttpSink): GatewayStream =>
    new GatewayStream({ method, messages, call, errorJson: streamError, stopping, fault }, sink);
  return { status: 200, contentType: 'application/json', start };
}

class GatewayCall implements Call {
  readonly method: string;
  readonly #request: HttpRequest;

  constructor(method: string, request: HttpRequest) {
    this.method = method;
    this.#request = request;
  }

  get cancelled(): boolean {
    return this.#request.cancelled;
  }

  get certificateName(): string | undefined {
    return this.#request.certificateName;
  }

  metadata(key: string): string | undefined {
    return this.#request.header(key);
  }

  remainingMs(): undefined {
    return undefined;
  }
}

function parse(body: Uint8Array): { readonly value: unknown } | Failure {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return { value: JSON.parse(text === '' ? '{}' : text) };
  } catch (error) {
    return notJson(error);
  }
}

function failed(failure: Failure): HttpResponse {
  const { code, message } = failure;
  return json(httpStatus[code], { error: message, code, message }, failure.trailers);
}

/** The failure of a stream that has begun, as etcd's gateway writes it. */
function streamError({ code, message }: Failure): unknown {
  const status = httpStatus[code];
  return { grpc_code: code, http_code: status, message, http_status: STATUS_CODES[status] ?? '' };
}
