import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Machine } from '../machine/index.ts';
import type { ClusterInvariants, Effect, Input, ProtocolDefinition } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Disk } from '../storage/disk.ts';
import type { Network } from '../transport/network.ts';
import type { Chronicle } from './chronicle.ts';
import type { SimulatedNetwork } from './network.ts';
import type { WorldOptions } from './options.ts';
import type { ClusterProperties } from './properties.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Report } from './violation.ts';

/** `name` is that of the machine, `id` that of the member on it. */
export type StepObserver = (
  name: string,
  id: NodeId,
  inputs: readonly Input[],
  effects: readonly Effect[],
) => void;

/** What a machine of a world is made with. */
export interface NodeContext {
  readonly name: string;
  readonly world: WorldOptions;
  /** The initial members. */
  readonly names: readonly string[];
  /** The id with which it is added later; undefined for initial members. */
  readonly joins?: NodeId | undefined;
  readonly definition: ProtocolDefinition;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly properties: ClusterProperties;
  readonly invariants: ClusterInvariants;
  readonly report: Report;
  /** Stands between a replica and its disk; a mutant's place. */
  readonly throughDisk: (disk: Disk) => Disk;
  /** Stands between a replica and its store; a mutant's place. */
  readonly throughBackend: (backend: StoreBackend) => StoreBackend;
  /** Stands between a replica and its network; a mutant's place. */
  readonly throughNetwork: (network: Network) => Network;
  readonly machine: Machine;
  readonly chronicle: Chronicle;
  /** Sees every step of a protocol. */
  readonly observe?: StepObserver | undefined;
}
