import { Client } from '../client/client.ts';
import type { Driver } from '../client/driver.ts';
import { CoordinationError } from '../client/errors.ts';
import { EtcdDriver } from '../client/etcd/driver.ts';
import { Cluster } from '../client/wire/cluster.ts';
import { ClientFailure, type Credentials, type ServerAddress } from '../client/wire/index.ts';
import { commandFailure } from './client-failure.ts';
import { type Session, serversOf } from './command.ts';
import type { Configuration } from './config/configuration.ts';
import { settings } from './config/settings.ts';
import { credentialsOf } from './credentials.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';

/** The client for programs, and what is below it, for commands that do more than one call. */
export interface Store {
  readonly client: Client;
  readonly driver: Driver;
  readonly cluster: Cluster;
}

interface StoreOptions {
  readonly servers: readonly ServerAddress[];
  readonly credentials: Credentials | undefined;
  readonly timeoutMs: number;
}

/** Runs `use` with the client for programs; failures become messages and exit codes. */
export async function withStore<T>(
  session: Session,
  configuration: Configuration,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const credentials = await credentialsOf(configuration, session.dependencies);
  const timeoutMs = configuration.required(settings.timeout);
  return withStoreAt({ servers: serversOf(configuration), credentials, timeoutMs }, use);
}

/** The same, of the cluster at `servers`. */
export async function withStoreAt<T>(
  { servers, credentials, timeoutMs }: StoreOptions,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const cluster = new Cluster(servers, credentials);
  const driver = new EtcdDriver(cluster);
  await using client = new Client(driver, timeoutMs);
  try {
    // A cluster that is not there is said at once; later on, calls wait for servers to come back.
    await cluster.reach({ deadline: Date.now() + timeoutMs });
    return await use({ client, driver, cluster });
  } catch (error) {
    throw failureOf(error);
  }
}

/** Other errors than those of the client come back as they are. */
export function failureOf(error: unknown): unknown {
  if (error instanceof ClientFailure) return commandFailure(error);
  if (!(error instanceof CoordinationError)) return error;
  if (error.cause instanceof ClientFailure) return commandFailure(error.cause);
  const code = error.outcome === 'unknown' ? exitCodes.unknown : exitCodes.refused;
  return new CommandFailure(code, `${error.message.replace(/\.$/, '')}.`);
}
