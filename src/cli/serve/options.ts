import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Retention } from '../../api/etcd/auto-compaction.ts';
import { defaultQuotaBytes, minProgressIntervalMs } from '../../api/limits.ts';
import { isWildcard } from '../../transport/address.ts';
import type { Configuration } from '../config/configuration.ts';
import { readPem, requireUsable } from '../config/files.ts';
import { type Setting, settings } from '../config/settings.ts';
import {
  type Address,
  type ClusterMember,
  formatAddress,
  isLoopback,
  parseDuration,
} from '../config/values.ts';
import { usageFailure } from '../exit-codes.ts';
import { type TokenOptions, tokenOptions } from './tokens.ts';

/** PEM contents for one port. */
export interface PortTls {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  readonly trustedCa: Uint8Array | undefined;
  readonly clientCertAuth: boolean;
}

/** One replica, checked as far as can be done without touching the network or the data directory. */
export interface ServeOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly client: Address;
  readonly peer: Address;
  readonly cluster: readonly ClusterMember[];
  readonly advertiseClient: Address;
  readonly clusterToken: string;
  /** The cluster exists: an empty directory waits until it was added. */
  readonly joins: boolean;
  readonly leaseReads: boolean;
  readonly protocol: string;
  readonly logLevel: string;
  /** Where to record what the protocol does. */
  readonly record: string | undefined;
  /** Undefined: as many as the disk holds. */
  readonly quotaBytes: number | undefined;
  /** Undefined: all history is kept. */
  readonly retention: Retention | undefined;
  readonly progressIntervalMs: number;
  readonly tokens: TokenOptions;
  readonly clientTls: PortTls | undefined;
  readonly peerTls: PortTls | undefined;
}

/** Throws a usage failure for settings that contradict one another. */
export function serveOptions(configuration: Configuration, protocols: readonly string[]): ServeOptions {
  const name = configuration.required(settings.name);
  const dataDir = configuration.required(settings.dataDir);
  const begun = existsSync(path.join(dataDir, 'manifest.json'));
  const cluster = initialCluster(configuration, begun);
  const client = configuration.required(settings.client);
  const peer = configuration.required(settings.peer);
  const clientTls = portTls(configuration, clientTlsSettings);
  const peerTls = portTls(configuration, peerTlsSettings);
  const peerAddress = advertisedPeer(configuration, name, cluster, begun) ?? peer;
  if (formatAddress(client) === formatAddress(peer)) {
    throw usageFailure(`--client and --peer are both ${formatAddress(client)}: they need a port each.`);
  }
  if (!configuration.required(settings.insecure)) {
    requireTls(settings.client, client, clientTls, '--cert-file and --key-file');
    requireTls(settings.peer, peer, peerTls, '--peer-cert-file, --peer-key-file and --peer-trusted-ca-file');
  }
  return {
    name,
    dataDir,
    client,
    peer,
    cluster,
    advertiseClient: configuration.optional(settings.advertiseClient) ?? reachable(client, peerAddress),
    clusterToken: configuration.required(settings.clusterToken),
    joins: configuration.required(settings.initialClusterState) === 'existing',
    leaseReads: configuration.required(settings.leaseReads),
    protocol: knownProtocol(configuration, protocols),
    logLevel: configuration.required(settings.logLevel),
    record: configuration.optional(settings.record),
    quotaBytes: quotaBytes(configuration),
    retention: retention(configuration),
    progressIntervalMs: progressInterval(configuration),
    tokens: tokenOptions(configuration.required(settings.authToken)),
    clientTls,
    peerTls,
  };
}

/** As in etcd: 0 is the default, and less is none. */
function quotaBytes(configuration: Configuration): number | undefined {
  const bytes = configuration.required(settings.quotaBackendBytes);
  if (bytes < 0) return undefined;
  return bytes === 0 ? defaultQuotaBytes : bytes;
}

function progressInterval(configuration: Configuration): number {
  const ms = configuration.required(settings.watchProgressNotifyInterval);
  if (ms >= minProgressIntervalMs) return ms;
  throw usageFailure(`--watch-progress-notify-interval is below ${minProgressIntervalMs}ms.`);
}

/** As in etcd: a number alone is one of hours, or of revisions. */
function retention(configuration: Configuration): Retention | undefined {
  const text = configuration.required(settings.autoCompactionRetention);
  const mode = configuration.required(settings.autoCompactionMode);
  if (/^0+$/.test(text)) return undefined;
  if (mode === 'revision') {
    if (/^\d{1,18}$/.test(text)) return { type: 'revision', revisions: BigInt(text) };
    throw usageFailure(`--auto-compaction-retention "${text}" is not a number of revisions.`);
  }
  if (/^\d{1,6}$/.test(text)) return { type: 'periodic', ms: Number(text) * 3_600_000 };
  const duration = parseDuration(text);
  if (duration.type === 'value') return { type: 'periodic', ms: duration.value };
  throw usageFailure(`--auto-compaction-retention ${duration.problem}.`);
}

/** A data directory that has been used knows its cluster. */
function initialCluster(configuration: Configuration, begun: boolean): readonly ClusterMember[] {
  const cluster = configuration.optional(settings.cluster);
  if (cluster === undefined && begun) return [];
  return cluster ?? configuration.required(settings.cluster);
}

/** Where the others reach this replica, as far as the settings say. */
function advertisedPeer(
  configuration: Configuration,
  name: string,
  cluster: readonly ClusterMember[],
  begun: boolean,
): Address | undefined {
  const advertised = configuration.optional(settings.advertisePeer);
  if (cluster.length === 0) return advertised;
  const self = cluster.find((member) => member.name === name);
  if (self === undefined) {
    // A list that is not used any more is warned about when the directory is opened.
    if (begun) return advertised;
    const names = cluster.map((member) => member.name).join(', ');
    throw usageFailure(`--cluster names ${names}, but not ${name}, which --name says this replica is.`);
  }
  if (advertised !== undefined && formatAddress(advertised) !== formatAddress(self.address)) {
    throw usageFailure(
      `--advertise-peer is ${formatAddress(advertised)}, but --cluster tells the others ${formatAddress(self.address)}: make them the same.`,
    );
  }
  return self.address;
}

/** Listening everywhere says nothing about how to get here; the host that the other replicas use does. */
const reachable = (client: Address, peer: Address): Address =>
  isWildcard(client.host) ? { host: peer.host, port: client.port } : client;

function requireTls(
  setting: Setting<Address>,
  address: Address,
  tls: PortTls | undefined,
  flags: string,
): void {
  if (tls !== undefined || isLoopback(address.host)) return;
  throw usageFailure(
    `--${setting.name} ${formatAddress(address)} can be reached by other machines, and nothing protects it: give ${flags}, or --insecure if the network is trusted.`,
  );
}

function knownProtocol(configuration: Configuration, protocols: readonly string[]): string {
  const protocol = configuration.required(settings.protocol);
  if (protocols.includes(protocol)) return protocol;
  throw usageFailure(`--protocol: there is no "${protocol}"; there is ${protocols.join(', ')}.`);
}

interface TlsSettings {
  readonly cert: Setting<string>;
  readonly key: Setting<string>;
  readonly trustedCa: Setting<string>;
  readonly clientCertAuth: Setting<boolean>;
}

const clientTlsSettings: TlsSettings = {
  cert: settings.certFile,
  key: settings.keyFile,
  trustedCa: settings.trustedCaFile,
  clientCertAuth: settings.clientCertAuth,
};

const peerTlsSettings: TlsSettings = {
  cert: settings.peerCertFile,
  key: settings.peerKeyFile,
  trustedCa: settings.peerTrustedCaFile,
  clientCertAuth: settings.peerClientCertAuth,
};

function portTls(configuration: Configuration, names: TlsSettings): PortTls | undefined {
  const cert = readPem(configuration, names.cert);
  const key = readPem(configuration, names.key);
  const trustedCa = readPem(configuration, names.trustedCa);
  const clientCertAuth = configuration.required(names.clientCertAuth);
  if ((cert === undefined) !== (key === undefined)) {
    throw usageFailure(`--${names.cert.name} and --${names.key.name} are given together or not at all.`);
  }
  if (clientCertAuth && trustedCa === undefined) {
    throw usageFailure(`--${names.clientCertAuth.name} needs --${names.trustedCa.name}: whose certificates?`);
  }
  if (cert === undefined || key === undefined) {
    if (trustedCa === undefined) return undefined;
    throw usageFailure(`--${names.trustedCa.name} needs --${names.cert.name} and --${names.key.name}.`);
  }
  requireUsable(
    { ca: trustedCa, cert, key },
    `--${names.cert.name}, --${names.key.name} or --${names.trustedCa.name}`,
  );
  return { cert, key, trustedCa, clientCertAuth };
}
