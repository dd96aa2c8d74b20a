import {
  type Address,
  type ClusterMember,
  type Endpoint,
  oneOf,
  type Parser,
  parseAddress,
  parseBoolean,
  parseCluster,
  parseDuration,
  parseEndpoints,
  parseInteger,
  parseName,
  parsePort,
  parseText,
} from './values.ts';

/** Groups of commands that share settings. `client` is every command that talks to one cluster, `copy` the one that talks to two. */
export type Scope = 'serve' | 'start' | 'client' | 'copy' | 'restore' | 'recover' | 'print';

/**
 * One thing that can be configured: by the flag `--<name>`, by the variable `QUORATE_<NAME>`, or by the key `<name>` of
 * the configuration file; the first of them that is there wins over the default.
 */
export interface Setting<T> {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** What stands for the value in the help; undefined for a switch. */
  readonly argument: string | undefined;
  readonly parse: Parser<T>;
  readonly default: string | undefined;
  readonly help: string;
  /** What may be shown of a value, when not all of it. */
  readonly shown?: (text: string) => string;
}

export const environmentPrefix = 'QUORATE_';

/** No setting: by this `quorate lock` tells its command the fence. */
export const fenceVariable = `${environmentPrefix}FENCE`;

export const environmentName = (setting: Setting<unknown>): string =>
  environmentPrefix + setting.name.toUpperCase().replaceAll('-', '_');

const setting = <T>(
  name: string,
  scopes: readonly Scope[],
  argument: string,
  parse: Parser<T>,
  help: string,
  fallback?: string,
): Setting<T> => ({ name, scopes, argument, parse, default: fallback, help });

const flag = (name: string, scopes: readonly Scope[], help: string): Setting<boolean> => ({
  name,
  scopes,
  argument: undefined,
  parse: parseBoolean,
  default: 'false',
  help,
});

const file = (name: string, scopes: readonly Scope[], help: string): Setting<string> =>
  setting(name, scopes, 'FILE', parseText, help);

const withoutPassword = (text: string): string => text.replace(/:.*/s, ':(hidden)');
const hidden = (): string => '(hidden)';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const outputFormats = ['table', 'json'] as const;
const compactionModes = ['periodic', 'revision'] as const;
const clusterStates = ['new', 'existing'] as const;
const replicaCounts = ['1', '3', '5'] as const;

export const settings = {
  name: setting<string>(
    'name',
    ['serve', 'restore'],
    'NAME',
    parseName,
    'Name of this replica, as in --cluster',
  ),
  dataDir: setting<string>(
    'data-dir',
    ['serve', 'restore', 'recover'],
    'DIR',
    parseText,
    'Directory of this replica alone; made at the first start',
  ),
  startDataDir: setting<string>(
    'data-dir',
    ['start'],
    'DIR',
    parseText,
    'Directory that holds one directory for each replica',
    './quorate-data',
  ),
  client: setting<Address>(
    'client',
    ['serve'],
    'HOST:PORT',
    parseAddress,
    'Listen for clients here',
    '127.0.0.1:2379',
  ),
  peer: setting<Address>(
    'peer',
    ['serve'],
    'HOST:PORT',
    parseAddress,
    'Listen for the other replicas here',
    '127.0.0.1:2380',
  ),
  cluster: setting<readonly ClusterMember[]>(
    'cluster',
    ['serve', 'restore'],
    'NAME=HOST:PORT,…',
    parseCluster,
    'All initial members with their peer addresses, the same on each; after the first start the data directory decides',
  ),
  initialClusterState: setting<(typeof clusterStates)[number]>(
    'initial-cluster-state',
    ['serve'],
    'STATE',
    oneOf(clusterStates),
    'new: --cluster begins with these members; existing: it runs, and an empty directory waits until it was added to it',
    'new',
  ),
  leaseReads: flag(
    'lease-reads',
    ['serve'],
    'Linearizable reads that ask nobody while a majority has this, too: safe only where the clocks of all members run alike within 10 %',
  ),
  advertiseClient: setting<Address>(
    'advertise-client',
    ['serve'],
    'HOST:PORT',
    parseAddress,
    'Where clients reach this replica, when that is not --client',
  ),
  advertisePeer: setting<Address>(
    'advertise-peer',
    ['serve'],
    'HOST:PORT',
    parseAddress,
    'Where the others reach this replica, when that is not its address in --cluster',
  ),
  clusterToken: setting<string>(
    'cluster-token',
    ['serve', 'restore'],
    'TEXT',
    parseText,
    'Keeps clusters with equal members apart: goes into the cluster id',
    'quorate',
  ),
  protocol: setting<string>(
    'protocol',
    ['serve', 'start'],
    'NAME',
    parseName,
    'The agreement protocol; chosen once, at the first start',
    'raft',
  ),
  logLevel: setting<(typeof logLevels)[number]>(
    'log-level',
    ['serve', 'start'],
    'LEVEL',
    oneOf(logLevels),
    `Least severe log lines to write: ${logLevels.join(', ')}`,
    'info',
  ),
  record: file('record', ['serve'], 'Write what the protocol does to a new file, for quorate replay'),
  quotaBackendBytes: setting<number>(
    'quota-backend-bytes',
    ['serve'],
    'BYTES',
    parseInteger,
    'Bytes that the state may use before writes are refused and an alarm is raised; 0 for 2 GiB, less for no quota',
    '0',
  ),
  autoCompactionMode: setting<(typeof compactionModes)[number]>(
    'auto-compaction-mode',
    ['serve'],
    'MODE',
    oneOf(compactionModes),
    'What --auto-compaction-retention counts: periodic for time, revision for revisions',
    'periodic',
  ),
  autoCompactionRetention: setting<string>(
    'auto-compaction-retention',
    ['serve'],
    'LENGTH',
    parseText,
    'History that is kept: a duration such as 30m, a number of hours, or of revisions; 0 for all of it',
    '0',
  ),
  watchProgressNotifyInterval: setting<number>(
    'watch-progress-notify-interval',
    ['serve'],
    'DURATION',
    parseDuration,
    'How often watchers who want to know are told how far they have come, up to a tenth later; 100ms or more',
    '10m',
  ),
  insecure: flag('insecure', ['serve'], 'Allow an address that other machines reach without TLS'),
  certFile: file('cert-file', ['serve'], 'Certificate (PEM) for clients: TLS on the client port'),
  keyFile: file('key-file', ['serve'], 'Private key (PEM) of --cert-file'),
  trustedCaFile: file(
    'trusted-ca-file',
    ['serve'],
    'Authorities (PEM) whose client certificates are accepted',
  ),
  clientCertAuth: flag(
    'client-cert-auth',
    ['serve'],
    'Refuse clients without a certificate from --trusted-ca-file; its common name is the user, where users are asked for',
  ),
  authToken: setting<string>(
    'auth-token',
    ['serve'],
    'TYPE,…',
    parseText,
    'How users are known after their password: simple, or jwt,sign-method=RS256,priv-key=FILE,pub-key=FILE; ttl=DURATION with either. The same on all replicas',
    'simple',
  ),
  peerCertFile: file(
    'peer-cert-file',
    ['serve'],
    'Certificate (PEM) for the other replicas: TLS on the peer port',
  ),
  peerKeyFile: file('peer-key-file', ['serve'], 'Private key (PEM) of --peer-cert-file'),
  peerTrustedCaFile: file(
    'peer-trusted-ca-file',
    ['serve'],
    'Authorities (PEM) that the other replicas must be signed by',
  ),
  peerClientCertAuth: flag(
    'peer-client-cert-auth',
    ['serve'],
    'Refuse replicas without a certificate from --peer-trusted-ca-file',
  ),
  port: setting<number>(
    'port',
    ['start'],
    'PORT',
    parsePort,
    'Client port of the first replica; the others are at +20000, +30000, …, or on every second port after it where that ends above 65535; peers are on the next port',
    '2379',
  ),
  replicas: setting<(typeof replicaCounts)[number]>(
    'replicas',
    ['start'],
    'COUNT',
    oneOf(replicaCounts),
    'How many replicas: 1, 3 or 5',
    '3',
  ),
  endpoints: setting<readonly Endpoint[]>(
    'endpoints',
    ['client'],
    'HOST:PORT,…',
    parseEndpoints,
    'Client addresses of the cluster, tried in this order; https:// asks for TLS',
    '127.0.0.1:2379,127.0.0.1:22379,127.0.0.1:32379',
  ),
  from: setting<readonly Endpoint[]>(
    'from',
    ['copy'],
    'HOST:PORT,…',
    parseEndpoints,
    'Client addresses of the cluster to read from; https:// asks for TLS',
  ),
  to: setting<readonly Endpoint[]>(
    'to',
    ['copy'],
    'HOST:PORT,…',
    parseEndpoints,
    'Client addresses of the cluster to write to; https:// asks for TLS',
  ),
  fromUser: {
    ...setting<string>('from-user', ['copy'], 'NAME', parseText, 'Who asks at --from, if that is not --user'),
    shown: withoutPassword,
  },
  toUser: {
    ...setting<string>('to-user', ['copy'], 'NAME', parseText, 'Who asks at --to, if that is not --user'),
    shown: withoutPassword,
  },
  timeout: setting<number>(
    'timeout',
    ['client', 'copy'],
    'DURATION',
    parseDuration,
    'Give up after so long, e.g. 500ms or 5s',
    '5s',
  ),
  cacert: file(
    'cacert',
    ['client', 'copy'],
    "Authorities (PEM) that the servers' certificates must be signed by: asks for TLS",
  ),
  cert: file('cert', ['client', 'copy'], 'Client certificate (PEM)'),
  key: file('key', ['client', 'copy'], 'Private key (PEM) of --cert'),
  user: {
    ...setting<string>(
      'user',
      ['client', 'copy'],
      'NAME',
      parseText,
      'Who asks, where users are asked for: NAME, or NAME:PASSWORD; a password that is not given is asked for',
    ),
    shown: withoutPassword,
  },
  password: {
    ...setting<string>(
      'password',
      ['client', 'copy'],
      'TEXT',
      parseText,
      'Password of --user; others on this machine can see flags, so rather QUORATE_PASSWORD or --password-file',
    ),
    shown: hidden,
  },
  passwordFile: file(
    'password-file',
    ['client', 'copy'],
    'The file whose first line is the password of --user',
  ),
  token: {
    ...setting<string>(
      'token',
      ['client', 'copy'],
      'TEXT',
      parseText,
      'Instead of --user: a token that was issued before, such as a JSON Web Token',
    ),
    shown: hidden,
  },
  output: setting<(typeof outputFormats)[number]>(
    'output',
    ['client', 'copy', 'restore', 'recover', 'print'],
    'FORMAT',
    oneOf(outputFormats),
    'table, for people, or json: 64-bit numbers as strings, bytes in base64',
    'table',
  ),
} as const;

export const allSettings: readonly Setting<unknown>[] = Object.values(settings);

export const settingsOf = (scope: Scope): readonly Setting<unknown>[] =>
  allSettings.filter((each) => each.scopes.includes(scope));
