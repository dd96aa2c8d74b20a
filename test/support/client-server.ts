import { ClientServer, type ClientServerOptions } from '../../src/api/client-server.ts';
import { SingleReplica } from './single-replica.ts';

export interface TestServer extends AsyncDisposable {
  readonly replica: SingleReplica;
  readonly server: ClientServer;
  /** Exceptions in services; a test that expects none looks here. */
  readonly faults: unknown[];
  readonly rejected: string[];
}

/** The client port over a replica in memory, on a free port of the loopback interface. */
export async function serveClients(options: Partial<ClientServerOptions> = {}): Promise<TestServer> {
  const replica = new SingleReplica();
  const faults: unknown[] = [];
  const rejected: string[] = [];
  const server = await ClientServer.listen({
    replica,
    host: '127.0.0.1',
    port: 0,
    peerTls: false,
    metrics: { contentType: 'text/plain; version=0.0.4', metrics: async () => 'quorate_up 1\n' },
    onRejected: (_remote, reason) => rejected.push(reason),
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { replica, server, faults, rejected, [Symbol.asyncDispose]: () => server.close(100) };
}
