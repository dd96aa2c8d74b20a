import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  type MessageFns,
  StatusRequest,
  StatusResponse,
  WatchRequest,
  WatchResponse,
} from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';

type WatchCall = ServerDuplexStream<WatchRequest, WatchResponse>;
type KeepAliveCall = ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

/** What a server says, word by word, for answers that real ones give too rarely to wait for. */
export interface Script {
  readonly watch?: (call: WatchCall) => void;
  readonly keepAlive?: (call: KeepAliveCall) => void;
  readonly version?: string;
}

export const watchResponse = (fields: Partial<WatchResponse>): WatchResponse => ({
  header: undefined,
  watchId: 0n,
  created: false,
  canceled: false,
  compactRevision: 0n,
  cancelReason: '',
  fragment: false,
  events: [],
  ...fields,
});

export const header = (revision: bigint, clusterId = 1n): NonNullable<WatchResponse['header']> => ({
  clusterId,
  memberId: 1n,
  revision,
  raftTerm: 1n,
});

export const putEvent = (key: string, modRevision: bigint): WatchResponse['events'][number] => ({
  type: 0,
  kv: {
    key: Buffer.from(key),
    value: Buffer.from('v'),
    createRevision: modRevision,
    modRevision,
    version: 1n,
    lease: 0n,
  },
  prevKv: undefined,
});

export class ScriptedEtcd implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;

  static async start(script: Script): Promise<ScriptedEtcd> {
    const server = new Server();
    const bidi = <Request, Response>(
      path: string,
      request: MessageFns<Request>,
      response: MessageFns<Response>,
      handler: handleBidiStreamingCall<Request, Response>,
    ) =>
      server.register(
        path,
        handler,
        (message: Response) => Buffer.from(response.encode(message).finish()),
        (bytes: Buffer) => request.decode(bytes),
        'bidi',
      );
    bidi('/etcdserverpb.Watch/Watch', WatchRequest, WatchResponse, (call) => script.watch?.(call));
    bidi('/etcdserverpb.Lease/LeaseKeepAlive', LeaseKeepAliveRequest, LeaseKeepAliveResponse, (call) =>
      script.keepAlive?.(call),
    );
    server.register(
      '/etcdserverpb.Maintenance/Status',
      (_call: unknown, answer: (error: null, response: StatusResponse) => void) =>
        answer(null, StatusResponse.fromJSON({ version: script.version ?? '3.4.23' })),
      (message: StatusResponse) => Buffer.from(StatusResponse.encode(message).finish()),
      (bytes: Buffer) => StatusRequest.decode(bytes),
      'unary',
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return new ScriptedEtcd(server, `127.0.0.1:${port}`);
  }

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}
