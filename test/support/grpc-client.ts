import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';

type Codec<T> = Pick<pb.MessageFns<T>, 'encode' | 'decode'>;

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** A foreign gRPC library talking to our port: what clients in Node.js do. */
export class GrpcClient implements AsyncDisposable {
  readonly #client: Client;

  constructor(
    address: string,
    channel: ChannelCredentials = credentials.createInsecure(),
    options?: ClientOptions,
  ) {
    this.#client = new Client(address, channel, { 'grpc.max_receive_message_length': -1, ...options });
  }

  /** Rejects with a `ServiceError`. */
  call<Q, A>(
    path: string,
    request: Codec<Q>,
    response: Codec<A>,
    message: Q,
    options: CallOptions = {},
  ): Promise<A> {
    return this.raw(path, Buffer.from(request.encode(message).finish()), options).then((bytes) =>
      response.decode(Uint8Array.from(bytes)),
    );
  }

  raw(path: string, bytes: Buffer, options: CallOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (message: Buffer) => message,
        (message: Buffer) => message,
        bytes,
        metadataOf(options),
        deadlineOf(options),
        (error, answer) => (error !== null ? reject(error) : resolve(answer as Buffer)),
      );
    });
  }

  /** The messages of a server stream until it ends. */
  async *stream<Q, A>(path: string, request: Codec<Q>, response: Codec<A>, message: Q): AsyncGenerator<A> {
    const call = this.#client.makeServerStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => response.decode(bytes),
      Buffer.from(request.encode(message).finish()),
    );
    try {
      yield* call;
    } finally {
      call.cancel();
    }
  }

  /** A call in which both sides stream. */
  bidi<Q, A>(
    path: string,
    request: Codec<Q>,
    response: Codec<A>,
    options: CallOptions = {},
  ): ClientDuplexStream<Q, A> {
    return this.#client.makeBidiStreamRequest(
      path,
      (message: Q) => Buffer.from(request.encode(message).finish()),
      (bytes: Buffer) => response.decode(Uint8Array.from(bytes)),
      metadataOf(options),
      deadlineOf(options),
    );
  }

  /** How a call failed; an error when it did not. */
  async failure(answer: Promise<unknown>): Promise<Failed> {
    try {
      await answer;
    } catch (error) {
      const { code, details, metadata } = error as ServiceError & StatusObject;
      return { code, message: details, outcome: metadata.get('quorate-outcome')[0]?.toString() };
    }
    throw new Error('the call succeeded');
  }

  readonly range = (request: Partial<pb.RangeRequest>, options?: CallOptions): Promise<pb.RangeResponse> =>
    this.call('/etcdserverpb.KV/Range', pb.RangeRequest, pb.RangeResponse, rangeRequest(request), options);

  readonly put = (request: Partial<pb.PutRequest>, options?: CallOptions): Promise<pb.PutResponse> =>
    this.call('/etcdserverpb.KV/Put', pb.PutRequest, pb.PutResponse, putRequest(request), options);

  readonly delete = (
    request: Partial<pb.DeleteRangeRequest>,
    options?: CallOptions,
  ): Promise<pb.DeleteRangeResponse> =>
    this.call(
      '/etcdserverpb.KV/DeleteRange',
      pb.DeleteRangeRequest,
      pb.DeleteRangeResponse,
      deleteRequest(request),
      options,
    );

  readonly txn = (request: Partial<pb.TxnRequest>, options?: CallOptions): Promise<pb.TxnResponse> =>
    this.call(
      '/etcdserverpb.KV/Txn',
      pb.TxnRequest,
      pb.TxnResponse,
      { ...pb.TxnRequest.fromJSON({}), ...request },
      options,
    );

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}

export interface Failed {
  readonly code: number;
  readonly message: string;
  /** The trailer `quorate-outcome`. */
  readonly outcome: string | undefined;
}

export const rangeRequest = (request: Partial<pb.RangeRequest>): pb.RangeRequest => ({
  ...pb.RangeRequest.fromJSON({}),
  ...request,
});

export const putRequest = (request: Partial<pb.PutRequest>): pb.PutRequest => ({
  ...pb.PutRequest.fromJSON({}),
  ...request,
});

export const deleteRequest = (request: Partial<pb.DeleteRangeRequest>): pb.DeleteRangeRequest => ({
  ...pb.DeleteRangeRequest.fromJSON({}),
  ...request,
});

function metadataOf({ metadata = {} }: CallOptions): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(metadata)) result.set(key, value);
  return result;
}

function deadlineOf({ timeoutMs }: CallOptions): { deadline: number } | Record<string, never> {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}
