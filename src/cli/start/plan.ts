import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Address } from '../config/values.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';

/** One replica of a local cluster. */
export interface ReplicaPlan {
  readonly name: string;
  readonly client: Address;
  readonly peer: Address;
  readonly dataDir: string;
}

export interface LocalCluster {
  readonly port: number;
  readonly replicas: number;
}

const host = '127.0.0.1';
const maxPort = 65_535;

/**
 * Client ports: PORT, then PORT + 20000, + 30000 and so on, which keeps the last digits; where that ends above 65535,
 * PORT and every second one after it. Each replica's peer port is the next one.
 */
export function planReplicas({ port, replicas }: LocalCluster, dataDir: string): ReplicaPlan[] {
  const spread = Array.from({ length: replicas }, (_, at) => port + (at === 0 ? 0 : 10_000 * (at + 1)));
  const adjacent = Array.from({ length: replicas }, (_, at) => port + 2 * at);
  const ports = [spread, adjacent].find((each) => (each.at(-1) ?? maxPort) < maxPort);
  if (ports === undefined) {
    const highest = maxPort - 2 * replicas + 1;
    throw usageFailure(`--port: ${port} leaves no room for ${replicas} replicas: take ${highest} or lower.`);
  }
  return ports.map((client, at) => ({
    name: `n${at + 1}`,
    client: { host, port: client },
    peer: { host, port: client + 1 },
    dataDir: path.join(dataDir, `n${at + 1}`),
  }));
}

const recordName = 'start.json';

/** How the cluster in `dataDir` was first started; undefined for a new one. Its replicas know each other by these ports. */
export function recordedCluster(dataDir: string): LocalCluster | undefined {
  const file = path.join(dataDir, recordName);
  if (!existsSync(file)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refusedFailure(`${file} cannot be read: ${(error as Error).message}. Nothing was started.`);
  }
  if (typeof content === 'object' && content !== null) {
    const port: unknown = Reflect.get(content, 'port');
    const replicas: unknown = Reflect.get(content, 'replicas');
    if (typeof port === 'number' && typeof replicas === 'number') return { port, replicas };
  }
  throw refusedFailure(`${file} does not say "port" and "replicas". Nothing was started.`);
}

export function recordCluster(dataDir: string, cluster: LocalCluster): void {
  const file = path.join(dataDir, recordName);
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(cluster)}\n`);
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw refusedFailure(
      `${dataDir} cannot be written to: ${(error as Error).message}. Nothing was started.`,
    );
  }
}
