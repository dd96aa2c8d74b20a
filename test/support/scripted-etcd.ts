import {
  type handleBidiStreamingCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type status,
} from '@grpc/grpc-js';
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  type MessageFns,
  StatusResponse,
  WatchRequest,
  WatchResponse,
} from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { type Method, methods } from '../../src/client/wire/index.ts';

type WatchCall = ServerDuplexStream<WatchRequest, WatchResponse>;
type KeepAliveCall = ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

type Methods = typeof methods;
type RequestOf<T> = T extends Method<infer Request, infer _> ? Request : never;
type ResponseOf<T> = T extends Method<infer _, infer Response> ? Response : never;

/** How a call with one answer fails, in a server's words. */
export class Refusal {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    this.code = code;
    this.details = details;
  }
}

/** `silence` never answers. */
export const silence = new Promise<never>(() => undefined);

type Answers = {
  readonly [Name in keyof Methods]?: (
    request: RequestOf<Methods[Name]>,
    metadata: Metadata,
  ) => ResponseOf<Methods[Name]> | Refusal | Promise<ResponseOf<Methods[Name]> | Refusal>;
};

/** What a server says, word by word, for answers that real ones give too rarely to wait for. */
export interface Script {
  readonly answers?: Answers;
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
    const answers: Answers = {
      status: () => ({
        ...StatusResponse.fromJSON({ version: script.version ?? '3.4.23' }),
        header: header(1n),
      }),
      ...script.answers,
    };
    for (const name of Object.keys(answers) as (keyof Methods)[]) {
      registerUnary(server, methods[name], answers[name]);
    }
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

function registerUnary<Request, Response>(
  server: Server,
  { path, request, response }: Method<Request, Response>,
  // Of the same method, which the type of a table that is looked up by a variable does not say.
  answer: unknown,
): void {
  const script = answer as (message: Request, metadata: Metadata) => Promise<Response | Refusal>;
  server.register(
    path,
    async (
      call: { readonly request: Request; readonly metadata: Metadata },
      reply: (error: Refusal | null, message?: Response) => void,
    ) => {
      const answered = await script(call.request, call.metadata);
      if (answered instanceof Refusal) reply(answered);
      else reply(null, answered);
    },
    (message: Response) => Buffer.from(response.encode(message).finish()),
    (bytes: Buffer) => request.decode(bytes),
    'unary',
  );
}
