import { connect, createServer } from 'node:net';
import { AddressError, parseAddress } from './address.ts';
import type { Connection, ConnectionHandlers, ListenCallback, Network } from './network.ts';
import { explainSocketError, listenAt, noHandlers, remoteOf, SocketConnection, stillborn } from './socket.ts';

/** Plain TCP. */
export class TcpNetwork implements Network {
  listen(address: string, onConnection: (connection: Connection) => void, callback: ListenCallback): void {
    const server = createServer((socket) => {
      onConnection(new SocketConnection(socket, remoteOf(socket), noHandlers, explainSocketError));
    });
    listenAt(server, address, callback);
  }

  connect(address: string, handlers: ConnectionHandlers): Connection {
    const parsed = parseAddress(address);
    if (parsed instanceof AddressError) return stillborn(address, parsed, handlers);
    const socket = connect(parsed);
    socket.once('connect', () => handlers.open());
    return new SocketConnection(socket, address, handlers, explainSocketError);
  }
}
