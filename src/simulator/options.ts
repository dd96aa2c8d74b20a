import { Random } from '../core/random.ts';
import type { LeaseReads, Retention, Timing } from '../protocol/index.ts';
import type { LinkConditions } from './link.ts';
import { type Topology, topologyNames } from './topologies.ts';

export const faultKinds = [
  'kill',
  'powerCut',
  'powerCutAll',
  'pause',
  'isolate',
  'partition',
  'oneWayCut',
  'bridge',
  'bridgedLeader',
  'leavesBesideLeader',
  'leafOnLeader',
  'slowLink',
  'resetConnections',
  'slowDisk',
  'fullDisk',
  'failedSync',
  'bitRot',
  'lostDisk',
  'clockJump',
  'clockRate',
  'membership',
  'transfer',
  'succession',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** How much the rate of a clock changes at most: far more than any real oscillator, as virtual machines show it. */
export const maxSkewPpm = 200_000;

/** How long the operations of a disk take, in milliseconds. */
export interface DiskSpeed {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export interface WorkloadOptions {
  readonly clients: number;
  /** Keys in use at a time; they are replaced now and then, so that the history of each stays short. */
  readonly keys: number;
  readonly operationsPerKey: number;
  /** Longest pause of a client between two operations. */
  readonly maxThinkMs: number;
  /** After this a replica gives up, and a client half as much later; what it asked for may still happen. */
  readonly timeoutMs: number;
  /** Weights. */
  readonly mix: {
    readonly get: number;
    readonly put: number;
    readonly delete: number;
    readonly compareAndSet: number;
  };
  /** Most values are small; some reach this many bytes. */
  readonly maxValueBytes: number;
}

/** Everything that makes one world different from another; all of it follows from the seed. */
export interface WorldOptions {
  readonly seed: number;
  readonly protocol: string;
  readonly replicas: number;
  /** Simulated milliseconds with faults, before everything is healed. */
  readonly faultMs: number;
  readonly timing: Timing;
  readonly link: LinkConditions;
  readonly disk: DiskSpeed;
  /** Of the journal's files: small, so that a short run fills several. */
  readonly segmentBytes: number;
  /** Short as well, so that replicas fall behind what is kept. */
  readonly retention: Retention;
  readonly flushIntervalMs: number;
  /** Committed entries that are applied in one turn; few, so that others wait while everything else happens. */
  readonly applySliceEntries: number;
  /** Bytes of entries in one message of the protocol; undefined for as many as on a server. */
  readonly maxAppendBytes: number | undefined;
  /** False for followers that do not help a leader to find where their logs part, as those of others may not. */
  readonly hints: boolean;
  /** Reads by leases instead of by asking a quorum; undefined for the latter. */
  readonly leaseReads: LeaseReads | undefined;
  /** How many of 100 starts of a replica have that; below all of them it is switched on and off from one start to the next. */
  readonly leaseStarts: number;
  readonly maxDriftPpm: number;
  /** How long a turn of a replica's event loop lasts: what arrives meanwhile is stepped together. */
  readonly minTurnMicros: number;
  /** And how much longer some of them. */
  readonly maxTurnMicros: number;
  /** Which faults happen, and the longest quiet time between two of them. */
  readonly faults: readonly FaultKind[];
  /** More may break than the cluster can survive: nothing is healed, and only safety is demanded. */
  readonly unlimited: boolean;
  /** How the five of a world are connected, after the faults and before everything is healed; undefined for fully. */
  readonly standing: Topology | undefined;
  /** At the end everybody goes, and one replica is begun with alone from what it has; in unlimited worlds always. */
  readonly survivor: boolean;
  readonly maxQuietMs: number;
  readonly maxFaultMs: number;
  readonly workload: WorkloadOptions;
  readonly watchers: number;
  /** Clients that hold leases. */
  readonly leases: number;
  /** The longest time between two compactions in milliseconds; 0 for none. */
  readonly maxCompactionMs: number;
}

/** What the user may fix instead of leaving it to the seed. */
export interface WorldOverrides {
  readonly protocol?: string;
  readonly replicas?: number;
  readonly faultMs?: number;
  readonly faults?: readonly FaultKind[];
  readonly unlimited?: boolean;
}

/**
 * Draws a world from its seed. Most features are off in most worlds: a bug that needs one fault is hidden by the noise
 * of ten others.
 */
export function drawOptions(seed: number, overrides: WorldOverrides = {}): WorldOptions {
  const random = Random.fromSeed(`world ${seed}`).stream('options');
  const sometimes = (numerator: number, value: () => number): number =>
    random.chance(numerator, 100) ? value() : 0;
  const replicas = random.pick([1, 3, 3, 3, 3, 3, 5, 5]);
  const maxDelayMs = random.pick([1, 1, 5, 20]);
  const link: LinkConditions = {
    minDelayMs: random.pick([0.05, 0.2]),
    maxDelayMs,
    slow: sometimes(50, () => random.between(1, 50)),
    loss: sometimes(50, () => random.between(5, 150)),
    duplication: sometimes(50, () => random.between(5, 100)),
    reordering: sometimes(50, () => random.between(5, 200)),
    maxLateMs: random.pick([20, 1_000]),
    splitting: sometimes(30, () => random.between(10, 500)),
  };
  const disk: DiskSpeed = { minDelayMs: 0.02, maxDelayMs: random.pick([0.2, 1, 5, 20]) };
  // Streams of their own for what is drawn here and not by `random`: so worlds without it stay as they were.
  const own = (name: string): Random => Random.fromSeed(`world ${seed}`).stream(name);
  const drawn = faultKinds.filter((kind) => !lateKinds.has(kind) && random.chance(35, 100));
  for (const kind of ['transfer', 'succession'] as const) if (own(kind).chance(25, 100)) drawn.push(kind);
  const changes = own('membership').chance(25, 100);
  const faults = overrides.faults ?? (changes ? withMembership(drawn) : drawn);
  // Few clients on few keys collide the most; many make batches, windows and queues fill.
  const busy = random.chance(1, 4);
  const clients = busy ? random.between(24, 64) : random.between(2, 8);
  const workload: WorkloadOptions = {
    clients,
    keys: busy ? random.between(clients >> 1, clients) : random.between(1, 6),
    operationsPerKey: random.between(20, 60),
    maxThinkMs: busy ? random.pick([5, 20]) : random.pick([5, 20, 100]),
    timeoutMs: random.pick([500, 2_000]),
    mix: {
      get: random.between(1, 6),
      put: random.between(1, 6),
      delete: random.between(0, 2),
      compareAndSet: random.between(0, 4),
    },
    maxValueBytes: busy ? 200 : random.pick([32, 32, 2_000, 40_000]),
  };
  const electionTimeout = maxDelayMs <= 5 ? random.pick([100, 300]) : 300;
  const maxQuietMs = random.pick([300, 1_000, 1_000, 3_000]);
  const options: WorldOptions = {
    seed,
    protocol: overrides.protocol ?? 'raft',
    replicas: overrides.replicas ?? replicas,
    faultMs: overrides.faultMs ?? 60_000,
    timing: { heartbeatInterval: electionTimeout / 5, electionTimeout },
    link,
    disk,
    segmentBytes: random.pick([128 * 1024, 256 * 1024]),
    retention: {
      tailEntries: random.pick([0, 5, 50, 500]),
      tailBytes: random.pick([1_000, 100_000]),
      stride: random.pick([1, 20]),
      // The whole state is written at each checkpoint: what is cheap for a small one is not for that of many clients.
      checkpointBytes: busy ? 2_000_000 : Math.max(random.pick([10_000, 100_000]), workload.maxValueBytes),
    },
    flushIntervalMs: random.pick([500, 3_000]),
    applySliceEntries: 4,
    maxAppendBytes: own('append').pick([undefined, undefined, 1, 300, 3_000]),
    hints: own('hints').chance(4, 5),
    leaseReads: undefined,
    leaseStarts: own('lease starts').pick([100, 60]),
    maxDriftPpm: random.pick([0, 100, 20_000]),
    minTurnMicros: 0,
    maxTurnMicros: random.pick([0, 200, 2_000]),
    faults,
    unlimited: overrides.unlimited ?? false,
    standing: own('standing').pick([undefined, ...topologyNames]),
    survivor: overrides.unlimited === true || own('survivor').chance(1, 4),
    maxQuietMs,
    // Faults that outlast the quiet between them pile up until nothing moves any more.
    maxFaultMs: random.pick([0.2, 0.5, 1]) * maxQuietMs,
    workload,
    watchers: random.chance(1, 2) ? random.between(1, 6) : 0,
    leases: random.chance(1, 2) ? random.between(1, 4) : 0,
    maxCompactionMs: random.pick([0, 500, 5_000]),
  };
  const paced = random.chance(1, 3) ? rarelyWhole(restless(options)) : options;
  const crowd = own('crowd');
  const crowded = crowd.chance(1, 6) ? dense(paced, crowd) : paced;
  if (!own('lease reads').chance(30, 100)) return crowded;
  // A leader that stands still must not trust its lease when it goes on.
  const stops = overrides.faults === undefined && !faults.includes('pause') && own('stops').chance(1, 2);
  return withLeaseReads(stops ? { ...crowded, faults: [...faults, 'pause'] } : crowded);
}

/** Not drawn with the others. */
const lateKinds: ReadonlySet<FaultKind> = new Set(['membership', 'transfer', 'succession']);

/** Lease reads trust that clocks do not jump; how far they run apart, the world knows. */
function withLeaseReads(options: WorldOptions): WorldOptions {
  if (options.faults.includes('clockJump')) return options;
  const skewPpm = options.faults.includes('clockRate') ? maxSkewPpm : 0;
  return { ...options, leaseReads: { maxDriftPpm: 2 * (options.maxDriftPpm + skewPpm) } };
}

/** Up to thousands of commands in a second, for replicas that are busy: batches fill, and so do queues. */
function dense(options: WorldOptions, random: Random): WorldOptions {
  const clients = random.between(128, 512);
  const maxThinkMs = random.pick([50, 100, 200]);
  return {
    ...options,
    minTurnMicros: random.pick([1_000, 2_000, 5_000]),
    applySliceEntries: random.pick([16, 128]),
    maxAppendBytes: undefined,
    retention: { ...options.retention, checkpointBytes: 2_000_000 },
    workload: { ...options.workload, clients, keys: clients, maxThinkMs, maxValueBytes: 200 },
  };
}

/** Who lost a disk counts as a voter until it is removed: with others removed before, it could be one too many. */
const withMembership = (faults: readonly FaultKind[]): FaultKind[] => [
  ...faults.filter((kind) => kind !== 'lostDisk' && kind !== 'bitRot'),
  'membership',
];

/** The same world with clients that never pause, fast elections and faults that hardly do. */
export function restless(options: WorldOptions): WorldOptions {
  return {
    ...options,
    timing: { heartbeatInterval: 20, electionTimeout: 100 },
    link: { ...options.link, minDelayMs: 0.05, maxDelayMs: 1 },
    segmentBytes: 128 * 1024,
    maxQuietMs: 500,
    maxFaultMs: 300,
    workload: {
      ...options.workload,
      clients: Math.min(64, Math.max(8, options.workload.clients)),
      maxThinkMs: 5,
      timeoutMs: 500,
    },
  };
}

/**
 * All of the state is written at each checkpoint: for clients that write without a pause, replicas would do little else.
 */
function rarelyWhole(options: WorldOptions): WorldOptions {
  const { retention, workload, maxCompactionMs } = options;
  const checkpointBytes = Math.max(100_000, 10 * workload.maxValueBytes, retention.checkpointBytes);
  const large = workload.maxValueBytes > 2_000;
  return {
    ...options,
    retention: { ...retention, checkpointBytes },
    flushIntervalMs: large ? 3_000 : options.flushIntervalMs,
    maxCompactionMs: large && maxCompactionMs === 0 ? 5_000 : maxCompactionMs,
  };
}

/** One line for people. */
export function describeOptions(options: WorldOptions): string {
  const { link, disk, workload } = options;
  return [
    `${options.protocol}, ${options.replicas} ${options.replicas === 1 ? 'replica' : 'replicas'}, ${options.faultMs / 1000} s of faults`,
    `link ${link.minDelayMs}-${link.maxDelayMs} ms, slow ${link.slow}, loss ${link.loss}, duplication ` +
      `${link.duplication}, reordering ${link.reordering}, splitting ${link.splitting} of 1000`,
    `disk up to ${disk.maxDelayMs} ms, ${options.leaseReads === undefined ? '' : `lease reads in ${options.leaseStarts} of 100 starts, `}clock drift up to ${options.maxDriftPpm} ppm, turns from ${options.minTurnMicros} us and up to ${options.maxTurnMicros} more`,
    `${workload.clients} clients, ${workload.keys} keys, values up to ${workload.maxValueBytes} bytes, ` +
      `${options.watchers} watchers, ${options.leases} leases, compactions up to ${options.maxCompactionMs} ms apart`,
    `${options.unlimited ? 'unlimited ' : ''}faults: ${options.faults.join(' ') || 'none'}`,
  ].join('; ');
}
