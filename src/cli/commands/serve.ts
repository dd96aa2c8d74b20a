import type { Command } from 'commander';
import { protocols } from '../../protocols/registry.ts';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { loadFailure } from '../serve/open-files.ts';
import { serveOptions } from '../serve/options.ts';

const scopes = ['serve'] as const;

export function addServeCommand(program: Command, session: Session): void {
  addCommand(program, 'serve', 'Run one replica in the foreground', scopes)
    .addHelpText(
      'after',
      `
Examples:
  quorate serve --name n1 --data-dir ./n1 --client 127.0.0.1:2379 --peer 127.0.0.1:2380 \\
    --cluster n1=127.0.0.1:2380,n2=127.0.0.1:22380,n3=127.0.0.1:32380

  quorate serve --config /etc/quorate.yaml, which holds for example:
    name: n1
    data-dir: /var/lib/quorate
    client: 10.0.0.1:2379
    peer: 10.0.0.1:2380
    cluster: [n1=10.0.0.1:2380, n2=10.0.0.2:2380, n3=10.0.0.3:2380]
    cert-file: /etc/quorate/server.pem
    key-file: /etc/quorate/server.key
    peer-cert-file: /etc/quorate/peer.pem
    peer-key-file: /etc/quorate/peer.key
    peer-trusted-ca-file: /etc/quorate/ca.pem
    peer-client-cert-auth: true

After the first start the data directory knows the members and the protocol. Logs are JSON on stderr, readable ones on
a terminal. SIGTERM or SIGINT hands leadership over and ends with exit code 0; a second one ends at once.`,
    )
    .action(async (_options: unknown, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const options = serveOptions(configuration, [...protocols.keys()]);
      // Loaded only here: the other commands need neither the store nor its native module.
      const { serveReplica } = await import('../serve/run.ts').catch((error: unknown) => {
        throw loadFailure(error);
      });
      session.exitCode = await serveReplica(options, session.dependencies);
    });
}
