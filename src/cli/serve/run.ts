import type { Logger } from 'pino';
import { ClientServer } from '../../api/client-server.ts';
import { AutoCompaction } from '../../api/etcd/auto-compaction.ts';
import { keySpace } from '../../machine/index.ts';
import { Replica, ReplicaError, type ReplicaOptions } from '../../replica/index.ts';
import { nodeClock } from '../../replica/node-clock.ts';
import type { Network } from '../../transport/network.ts';
import { TcpNetwork } from '../../transport/tcp.ts';
import { TlsNetwork } from '../../transport/tls.ts';
import { formatAddress } from '../config/values.ts';
import type { CliDependencies } from '../dependencies.ts';
import { type ExitCode, exitCodes, refusedFailure } from '../exit-codes.ts';
import { portProblem } from '../start/ports.ts';
import { packageVersion } from '../version.ts';
import { registerEtcdMetrics } from './etcd-metrics.ts';
import { startFailure } from './failures.ts';
import { createLogger } from './logger.ts';
import { ReplicaMetrics } from './metrics.ts';
import type { PortTls, ServeOptions } from './options.ts';
import { Recorder } from './recorder.ts';
import { refusalsTo } from './refusals.ts';
import { tokensOf } from './tokens.ts';

/** Calls that are under way when the replica is told to stop may take so long. Streams would never end by themselves. */
const drainMs = 5_000;
/** After the replica has ended: for the last answers to get away. */
const lastAnswersMs = 250;

/** As --lease-reads says: far above what working clocks do to each other. */
const leaseReadsMaxDriftPpm = 100_000;

type End =
  | { readonly type: 'stop'; readonly reason: string }
  | { readonly type: 'halt'; readonly error: ReplicaError };

/** Runs one replica until it is told to stop, or cannot go on. */
export async function serveReplica(options: ServeOptions, dependencies: CliDependencies): Promise<ExitCode> {
  const logger = createLogger(options.name, options.logLevel, dependencies.stderr);
  warnOfOpenPeerPort(options, logger);
  const metrics = new ReplicaMetrics();
  let end: (how: End) => void = () => undefined;
  const ended = new Promise<End>((resolve) => {
    end = resolve;
  });
  const waiting = new AbortController();
  listenForStop(dependencies, (reason) => {
    waiting.abort();
    end({ type: 'stop', reason });
  });
  try {
    const halted = (error: ReplicaError): void => end({ type: 'halt', error });
    const replica = await openReplica(options, logger, metrics, { halted, signal: waiting.signal });
    const server = await openServer(options, replica, logger, metrics);
    const compaction = autoCompaction(options, replica, logger);
    logger.info({ clients: server.address, peers: formatAddress(options.peer) }, 'serving');
    const how = await ended;
    if (how.type === 'stop') logger.info(`${how.reason}: stopping`);
    else logger.fatal({ code: how.error.code }, how.error.message);
    // Somebody else leads before clients lose this one, so that the others can serve them at once.
    if (how.type === 'stop') await replica.handOver();
    compaction?.close();
    const drained = server.close(how.type === 'stop' ? drainMs : 0);
    // What is outstanding gets its outcome from the replica, and the answer has to get to its client.
    await replica.close();
    await server.close(lastAnswersMs);
    await drained;
    if (how.type === 'stop') logger.info('stopped');
    return how.type === 'stop' ? exitCodes.done : exitCodes.refused;
  } catch (error) {
    if (error instanceof ReplicaError && error.code === 'CANCELLED') {
      logger.info(error.message);
      return exitCodes.done;
    }
    throw startFailure(error);
  }
}

function autoCompaction(
  { retention }: ServeOptions,
  replica: Replica,
  logger: Logger,
): AutoCompaction | undefined {
  if (retention === undefined) return undefined;
  const onCompacted = (revision: bigint): void => logger.info({ revision: String(revision) }, 'compacted');
  return new AutoCompaction({ replica, clock: nodeClock, retention, onCompacted });
}

/** TLS alone hides what replicas say to each other; it does not tell who they are. */
function warnOfOpenPeerPort({ peerTls }: ServeOptions, logger: Logger): void {
  if (peerTls === undefined) return;
  if (peerTls.trustedCa === undefined) {
    logger.warn(
      'without --peer-trusted-ca-file every public authority is trusted to say who is a replica: give the authority of this cluster',
    );
  }
  if (!peerTls.clientCertAuth) {
    logger.warn(
      'without --peer-client-cert-auth whoever reaches the peer port can take part as a replica: give it, with --peer-trusted-ca-file',
    );
  }
}

function listenForStop({ lifeline }: CliDependencies, stop: (reason: string) => void): void {
  let asked = false;
  lifeline.onStop((reason) => {
    if (asked) lifeline.exit(exitCodes.refused);
    asked = true;
    stop(reason);
  });
}

async function openReplica(
  options: ServeOptions,
  logger: Logger,
  metrics: ReplicaMetrics,
  { halted, signal }: Required<Pick<ReplicaOptions, 'halted' | 'signal'>>,
): Promise<Replica> {
  const problem = await portProblem(options.client);
  if (problem !== undefined) {
    throw refusedFailure(
      `client port: ${problem}: choose another with --client, or free it. Nothing was started.`,
    );
  }
  return Replica.open({
    machine: keySpace,
    dataDir: options.dataDir,
    protocol: options.protocol,
    name: options.name,
    cluster: options.cluster.map(({ name, address }) => ({ name, address: formatAddress(address) })),
    clusterToken: options.clusterToken,
    joins: options.joins,
    signal,
    ...(options.leaseReads ? { leaseReads: { maxDriftPpm: leaseReadsMaxDriftPpm } } : {}),
    peerAddress: formatAddress(options.peer),
    clientAddresses: [formatAddress(options.advertiseClient)],
    network: peerNetwork(options.peerTls, logger),
    version: packageVersion(),
    observer: {
      ...metrics.observer,
      ...recorderOf(options, logger)?.observer,
      log: (level, message, fields) => logger[level]({ ...fields }, message),
    },
    halted,
  });
}

/** It ends with the process. */
function recorderOf({ record }: ServeOptions, logger: Logger): Recorder | undefined {
  if (record === undefined) return undefined;
  return new Recorder(record, (err) => logger.error({ err }, 'the recording ends: it cannot be written'));
}

function peerNetwork(tls: PortTls | undefined, logger: Logger): Network {
  if (tls === undefined) return new TcpNetwork();
  return new TlsNetwork({
    ...tls,
    onRefused: (remote, reason) =>
      logger.warn({ remote, reason }, 'a connection to the peer port was refused'),
  });
}

/** The replica is closed again when its clients cannot be served. */
async function openServer(
  options: ServeOptions,
  replica: Replica,
  logger: Logger,
  metrics: ReplicaMetrics,
): Promise<ClientServer> {
  metrics.watch(() => replica.status());
  try {
    const server = await ClientServer.listen({
      replica,
      host: options.client.host,
      port: options.client.port,
      tls: options.clientTls && clientPortTls(options.clientTls),
      peerTls: options.peerTls !== undefined,
      tokens: tokensOf(options.tokens),
      quotaBytes: options.quotaBytes,
      progressIntervalMs: options.progressIntervalMs,
      version: packageVersion(),
      metrics: metrics.registry,
      onRejected: refusalsTo(logger),
      onFault: (error, method) =>
        logger.error({ err: error, method }, 'a mistake in quorate itself while answering'),
    });
    const { registry } = metrics;
    registerEtcdMetrics({
      registry,
      replica,
      watches: () => server.watches(),
      quotaBytes: options.quotaBytes,
    });
    return server;
  } catch (error) {
    await replica.close();
    throw error;
  }
}

const clientPortTls = (tls: PortTls): NonNullable<Parameters<typeof ClientServer.listen>[0]['tls']> => ({
  cert: Buffer.from(tls.cert),
  key: Buffer.from(tls.key),
  ...(tls.trustedCa && { trustedCa: Buffer.from(tls.trustedCa) }),
  clientCertAuth: tls.clientCertAuth,
});
