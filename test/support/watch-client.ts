import type { ClientDuplexStream } from '@grpc/grpc-js';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import type { Event } from '../../src/api/etcd/gen/mvccpb/kv.ts';
import { emptyBytes, utf8 } from '../../src/core/bytes.ts';
import type { GrpcClient } from './grpc-client.ts';

/** One watch stream of a foreign gRPC library, and all that came over it. */
export class WatchClient {
  readonly call: ClientDuplexStream<pb.WatchRequest, pb.WatchResponse>;
  readonly responses: pb.WatchResponse[] = [];
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
  readonly #client: GrpcClient;
  #taken = 0;
  #arrived: () => void = () => undefined;

  constructor(client: GrpcClient, metadata: Readonly<Record<string, string>> = {}) {
    this.#client = client;
    this.call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse, { metadata });
    this.call.on('data', (response: pb.WatchResponse) => {
      this.responses.push(response);
      this.#arrived();
    });
    this.call.on('error', () => {});
    this.status = new Promise((resolve) => this.call.on('status', resolve));
  }

  create(request: Partial<pb.WatchCreateRequest>): void {
    const value = { ...pb.WatchCreateRequest.fromJSON({}), ...request };
    this.call.write({ requestUnion: { $case: 'createRequest', value } });
  }

  /** Creates a watch, and waits for the answer to that. */
  async created(request: Partial<pb.WatchCreateRequest>): Promise<pb.WatchResponse> {
    this.create(request);
    return this.next();
  }

  cancel(watchId: bigint): void {
    this.call.write({ requestUnion: { $case: 'cancelRequest', value: { watchId } } });
  }

  askProgress(): void {
    this.call.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }

  /** The next response. */
  async next(): Promise<pb.WatchResponse> {
    while (this.responses.length === this.#taken)
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    return this.responses[this.#taken++] as pb.WatchResponse;
  }

  /** Whatever came up to now and was not asked for. */
  rest(): pb.WatchResponse[] {
    const rest = this.responses.slice(this.#taken);
    this.#taken = this.responses.length;
    return rest;
  }

  /** Goes there and back, so that whatever was to come before has come. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await this.#client.range({ key: utf8('settle') });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? emptyBytes).toString();
/** "PUT a=1@2", for a deletion "DELETE a=@3". */
export const line = ({ type, kv }: Event): string =>
  `${type === 0 ? 'PUT' : 'DELETE'} ${text(kv?.key)}=${text(kv?.value)}@${kv?.modRevision}`;
export const lines = (responses: readonly pb.WatchResponse[]): string[] =>
  responses.flatMap(({ events }) => events.map(line));
