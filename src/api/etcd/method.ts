import { type Call, Code, Failure, type Method, type UnaryHandler } from '../rpc/rpc.ts';
import { malformedMessage } from './errors.ts';
import type { MessageFns } from './gen/etcdserverpb/rpc.ts';
import { keyFields, messageFromJson } from './json.ts';

/** What a method does, on messages. */
export type MessageHandler<Request, Response> = (
  request: Request,
  call: Call,
) => Response | Failure | Promise<Response | Failure>;

/** A method of the etcd API in both of its forms. */
export interface EtcdMethod {
  /** "/package.Service/Method". */
  readonly path: string;
  /** Paths of the JSON gateway, below "/v3". */
  readonly gatewayPaths: readonly string[];
  readonly handle: UnaryHandler;
  /** The same on parsed JSON: bytes in base64, 64-bit numbers as strings. */
  handleJson(request: unknown, call: Call): Promise<unknown>;
}

type RequestCodec<T> = Pick<MessageFns<T>, 'decode' | 'fromJSON'>;
type ResponseCodec<T> = Pick<MessageFns<T>, 'encode' | 'toJSON'>;

/** `bytesFields`: those of the request, and of what is in it, that hold bytes. */
export function etcdMethod<Request, Response>(
  path: string,
  gatewayPaths: string | readonly string[],
  request: RequestCodec<Request>,
  response: ResponseCodec<Response>,
  handle: MessageHandler<Request, Response>,
  bytesFields = keyFields,
): EtcdMethod {
  return {
    path,
    gatewayPaths: [gatewayPaths].flat(),
    async handle(bytes, call) {
      const decoded = decodeMessage(request, bytes);
      if (decoded instanceof Failure) return decoded;
      const answer = await handle(decoded, call);
      return answer instanceof Failure ? answer : response.encode(answer).finish();
    },
    async handleJson(json, call) {
      const decoded = fromJson(request, json, bytesFields);
      if (decoded instanceof Failure) return decoded;
      const answer = await handle(decoded, call);
      return answer instanceof Failure ? answer : response.toJSON(answer);
    },
  };
}

/** A streaming method in both of its forms; JSON is translated message by message. */
export interface EtcdStreamMethod {
  /** "/package.Service/Method". */
  readonly path: string;
  /** Paths of the JSON gateway, below "/v3". */
  readonly gatewayPaths: readonly string[];
  readonly method: Exclude<Method, { type: 'unary' }>;
  /** A request in protobuf, from parsed JSON. */
  requestFromJson(request: unknown): Uint8Array | Failure;
  /** A response as JSON, from protobuf. */
  responseToJson(response: Uint8Array): unknown;
}

export function etcdStreamMethod<Request, Response>(
  path: string,
  gatewayPaths: string | readonly string[],
  request: Pick<MessageFns<Request>, 'encode' | 'fromJSON'>,
  response: Pick<MessageFns<Response>, 'decode' | 'toJSON'>,
  method: EtcdStreamMethod['method'],
  bytesFields = keyFields,
): EtcdStreamMethod {
  return {
    path,
    gatewayPaths: [gatewayPaths].flat(),
    method,
    requestFromJson(json) {
      const message = fromJson(request, json, bytesFields);
      return message instanceof Failure ? message : request.encode(message).finish();
    },
    responseToJson: (bytes) => response.toJSON(response.decode(bytes)),
  };
}

/** Whatever the generated decoder stumbles over came from the client. */
export function decodeMessage<T>(codec: Pick<MessageFns<T>, 'decode'>, bytes: Uint8Array): T | Failure {
  try {
    return codec.decode(bytes);
  } catch (error) {
    return malformedMessage(error instanceof Error ? error.message : String(error));
  }
}

function fromJson<T>(
  codec: Pick<MessageFns<T>, 'fromJSON'>,
  json: unknown,
  bytesFields: ReadonlySet<string>,
): T | Failure {
  try {
    return messageFromJson(codec, json, bytesFields);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return new Failure(Code.invalidArgument, reason);
  }
}
