import {
  checkLinearizability,
  defaultStepBudget,
  type IllegalHistory,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../check/index.ts';
import { present } from '../core/assert.ts';
import type { NodeId } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import { encodeCommand, keySpace, type Machine } from '../machine/index.ts';
import type { ClusterInvariants, Effect, ProtocolDefinition } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Disk } from '../storage/disk.ts';
import type { Network } from '../transport/network.ts';
import { Chronicle } from './chronicle.ts';
import { Faults } from './faults.ts';
import { splitFrames } from './frames.ts';
import { checkAcknowledged, checkHeld } from './kept.ts';
import { LeaseClients } from './lease-clients.ts';
import { MemberChanges } from './member-changes.ts';
import { SimulatedNetwork } from './network.ts';
import { Node } from './node.ts';
import type { StepObserver } from './node-context.ts';
import type { FaultKind, WorldOptions } from './options.ts';
import { ClusterProperties, type Milestone, reachedIn } from './properties.ts';
import { Roll, stateOf } from './roll.ts';
import { Scheduler } from './scheduler.ts';
import { stand } from './standing.ts';
import { Survivor } from './survivor.ts';
import { Trace } from './trace.ts';
import { describeError, type Violation } from './violation.ts';
import { Watchers } from './watchers.ts';
import { Workload, type WorkloadCounts } from './workload.ts';

/** What a run changes besides what the options say: where mutants sit, and where lines go. */
export interface WorldParts {
  readonly definition: ProtocolDefinition;
  readonly invariants: ClusterInvariants;
  /** Stands between each replica and its disk. */
  readonly throughDisk?: (disk: Disk) => Disk;
  /** The key space unless told. */
  readonly machine?: Machine;
  /** Stands between each replica and its store. */
  readonly throughBackend?: (backend: StoreBackend) => StoreBackend;
  /** Stands between each replica and its network. */
  readonly throughNetwork?: (network: Network) => Network;
  readonly observe?: StepObserver;
  /** Gets the events of the run as readable lines. */
  readonly print?: (line: string) => void;
}

/** How a run ended. */
export interface WorldReport {
  readonly options: WorldOptions;
  /** Undefined when every promise was kept. */
  readonly violation: Violation | undefined;
  /** Equal for equal seeds: 16 hexadecimal digits over everything that happened. */
  readonly hash: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly operations: WorkloadCounts;
  /** Entries that were decided. */
  readonly decided: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly effects: ReadonlyMap<Effect['type'], number>;
  /** What seldom happens, and has to for some mistakes to show. */
  readonly reached: ReadonlyMap<Milestone, number>;
  /** Changes on disks that were not synced and went with the power. */
  readonly lostWrites: number;
  /** What clients were told about one key, when no order explains it. */
  readonly illegalHistory: IllegalHistory<KeyValueInput, KeyValueOutput> | undefined;
}

/** After the last fault, the longest wait until everybody has answered and agrees. */
const convergenceMs = 20_000;
/** Longer than a change of membership is asked for, with what is on its way then. */
const changesEndMs = 5_000;

/**
 * One simulated cluster from start to end: first faults, with safety checked after every event; then everything is
 * healed, and within a bound of simulated time every replica must take a write and all must hold the same state.
 */
export class World {
  readonly #options: WorldOptions;
  readonly #parts: WorldParts;
  readonly #random: Random;
  readonly #scheduler = new Scheduler();
  readonly #trace: Trace;
  readonly #network: SimulatedNetwork;
  readonly #properties: ClusterProperties;
  readonly #nodes: Node[];
  readonly #roll: Roll;
  readonly #workload: Workload;
  readonly #chronicle: Chronicle;
  readonly #watchers: Watchers;
  readonly #leases: LeaseClients;
  readonly #faults: Faults;
  #violation: Violation | undefined;
  readonly #report = (violation: Violation): void => {
    this.#violation ??= violation;
  };
  #illegalHistory: WorldReport['illegalHistory'];

  constructor(options: WorldOptions, parts: WorldParts) {
    this.#options = options;
    const scheduler = this.#scheduler;
    const trace = new Trace(parts.print);
    this.#trace = trace;
    const random = Random.fromSeed(`world ${options.seed}`);
    this.#parts = parts;
    this.#random = random;
    const report = this.#report;
    const conditions = options.link;
    const network = new SimulatedNetwork({
      scheduler,
      random: random.stream('network'),
      trace,
      conditions,
      split: splitFrames,
    });
    this.#network = network;
    const properties = new ClusterProperties(report);
    this.#properties = properties;
    const names = Array.from({ length: options.replicas }, (_, i) => `n${i + 1}`);
    const throughDisk = parts.throughDisk ?? ((disk: Disk): Disk => disk);
    const throughNetwork = parts.throughNetwork ?? ((network: Network): Network => network);
    const throughBackend = parts.throughBackend ?? ((backend: StoreBackend): StoreBackend => backend);
    const { definition, invariants, machine = keySpace } = parts;
    const chronicle = new Chronicle(report);
    this.#chronicle = chronicle;
    const newNode = (name: string, joins: NodeId | undefined): Node => {
      const stream = random.stream(name);
      const context = { name, joins, names, world: options, definition, machine, random: stream };
      const through = {
        throughDisk,
        throughBackend,
        throughNetwork,
        observe: parts.observe,
        scheduler,
        trace,
      };
      return new Node({ ...context, ...through, network, properties, invariants, chronicle, report });
    };
    this.#nodes = names.map((name) => newNode(name, undefined));
    this.#roll = new Roll(this.#nodes, options.replicas, properties.membership);
    this.#workload = new Workload({
      options: options.workload,
      random: random.stream('workload'),
      scheduler,
      trace,
      services: this.#nodes,
      chronicle,
      report,
    });
    this.#watchers = new Watchers({
      count: options.watchers,
      random: random.stream('watchers'),
      scheduler,
      trace,
      replicas: this.#nodes,
      chronicle,
      report,
    });
    this.#leases = new LeaseClients({
      world: options,
      random: random.stream('leases'),
      scheduler,
      services: this.#nodes,
      chronicle,
      report,
    });
    if (options.maxCompactionMs > 0) this.#compactLater(random.stream('compaction'));
    this.#faults = new Faults({
      world: options,
      random: random.stream('faults'),
      scheduler,
      trace,
      network,
      victims: this.#nodes,
      members: new MemberChanges({
        random: random.stream('members'),
        scheduler,
        trace,
        nodes: this.#nodes,
        members: options.replicas,
        record: properties.membership,
        newNode: (name, id) => {
          const node = newNode(name, id);
          this.#nodes.push(node);
          return node;
        },
      }),
    });
  }

  run(): WorldReport {
    for (const node of this.#nodes) node.start();
    this.#workload.start();
    this.#watchers.start();
    this.#leases.start();
    this.#faults.start();
    this.#runUntil(this.#options.faultMs, () => false);
    // More may be broken for good than the rest can do without; what clients saw must be right all the same.
    if (this.#violation === undefined && !this.#options.unlimited) this.#stand();
    if (this.#violation === undefined && !this.#options.unlimited) this.#heal();
    if (this.#violation === undefined && !this.#options.unlimited) this.#checkKept();
    if (this.#violation === undefined) this.#checkHistory();
    if (this.#violation === undefined && this.#options.survivor) this.#beginWithOne();
    return {
      options: this.#options,
      violation: this.#violation,
      hash: this.#trace.digest(),
      events: this.#scheduler.executed,
      simulatedMs: this.#scheduler.now / 1000,
      operations: this.#workload.counts,
      decided: this.#properties.decidedIndexes,
      faults: this.#faults.counts,
      effects: this.#properties.effects,
      reached: reachedIn(this.#options, this.#properties),
      lostWrites: this.#nodes.reduce((sum, node) => sum + node.lostWrites, 0),
      illegalHistory: this.#illegalHistory,
    };
  }

  /** Runs for `ms` at most; true as soon as `enough` holds. Ends at the first violation. */
  #runUntil(ms: number, enough: () => boolean): boolean {
    const scheduler = this.#scheduler;
    const limit = scheduler.now + ms * 1000;
    for (;;) {
      if (enough()) return true;
      if (!this.#runNext(limit)) return false;
      this.#trace.number(scheduler.now);
      for (const node of this.#nodes) node.check();
      if (this.#violation !== undefined) return false;
    }
  }

  #runNext(limit: number): boolean {
    try {
      return this.#scheduler.runNext(limit);
    } catch (error) {
      this.#violation ??= { type: 'crash', property: 'nothing throws', detail: describeError(error) };
      return false;
    }
  }

  #stand(): void {
    const { standing, replicas, faults } = this.#options;
    // Where members change, others than these five may decide.
    if (standing === undefined || replicas !== 5 || faults.includes('membership')) return;
    this.#calm();
    const stalled = stand(standing, {
      nodes: this.#nodes,
      network: this.#network,
      ledEpochs: () => this.#properties.ledEpochs,
      runUntil: (ms, enough) => this.#runUntil(ms, enough),
      probe: (node, answered) => this.#probe(node, answered),
    });
    if (stalled !== undefined) this.#stalled(stalled);
  }

  #calm(): void {
    this.#faults.stop();
    // Those whom a machine was told of when it started may all have been removed since.
    for (const node of this.#nodes.slice(this.#options.replicas)) {
      if (node.state !== 'up' || node.tookPart) continue;
      node.crash(false);
      node.start();
    }
    this.#network.setConditions({ ...this.#options.link, loss: 0, duplication: 0, reordering: 0, slow: 0 });
  }

  #heal(): void {
    this.#calm();
    this.#workload.stop();
    this.#leases.stop();
    const answered = new Set<Node>();
    for (const node of this.#nodes) this.#probe(node, answered);
    const served = () => this.#roll.all((node) => answered.has(node)) && this.#workload.idle;
    if (!this.#runUntil(convergenceMs, served))
      return this.#stalled(`${answered.size} replicas took a write`);
    if (!this.#runUntil(convergenceMs, () => this.#roll.settled()))
      return this.#stalled('a change of membership has not come to its end');
    this.#dismissStrays();
    if (!this.#runUntil(convergenceMs, () => this.#leases.allGone))
      return this.#stalled('there are leases that nobody renews');
    if (!this.#runUntil(convergenceMs, () => this.#roll.converged()))
      return this.#stalled('the states differ');
    // A machine that was added at the very end may begin to take part only now, so they agree once more.
    const allTold = () => this.#watchers.toldAll && this.#roll.converged();
    if (!this.#runUntil(convergenceMs, allTold)) this.#stalled('a watcher was not told everything');
  }

  /** Everybody goes; one who is left is begun with alone. */
  #beginWithOne(): void {
    // Where members change, who is left may have heard nothing of having been added, or more than was decided of its removal.
    if (this.#options.faults.includes('membership')) return;
    this.#calm();
    const standing = this.#nodes.filter(
      (node) => node.tookPart && !node.retired && !this.#faults.betrayed(node),
    );
    for (const node of this.#nodes) {
      if (node.state !== 'down') node.crash(true);
      node.giveUp();
    }
    if (standing.length === 0) return;
    const random = this.#random.stream('survivor');
    const node = random.pick(standing);
    const survivor = new Survivor({
      name: node.name,
      files: node.files(),
      applied: this.#properties.appliedBy(node.name),
      digestAt: (index) => this.#properties.digestAt(index),
      world: this.#options,
      definition: this.#parts.definition,
      machine: this.#parts.machine ?? keySpace,
      random,
      scheduler: this.#scheduler,
      attach: (host) => this.#network.attach(host),
    });
    survivor.start();
    const settled = this.#runUntil(convergenceMs, () => survivor.settled);
    const detail = survivor.failure ?? (settled ? undefined : `${node.name} does not take a write alone`);
    if (detail === undefined || this.#violation !== undefined) return;
    this.#violation = { type: 'wrong', property: 'a survivor keeps what it had', detail };
  }

  /** Never beyond what has been read of the history: what is compacted is gone. */
  #compactLater(random: Random): void {
    this.#scheduler.schedule(random.between(1, this.#options.maxCompactionMs), () => {
      const revision = this.#chronicle.revision - random.below(30);
      const compact = encodeCommand({ type: 'compact', revision: BigInt(Math.max(1, revision)) });
      random.pick(this.#nodes).propose(compact, 1_000, () => undefined);
      this.#compactLater(random);
    });
  }

  /** Writes through `node` until one write is known to be done. */
  #probe(node: Node, answered: Set<Node>): void {
    this.#workload.probe(node, (done) => {
      if (done) answered.add(node);
      else if (!node.retired) this.#scheduler.schedule(50, () => this.#probe(node, answered));
    });
  }

  /** Not before what was asked for has happened, or cannot happen any more. */
  #dismissStrays(): void {
    if (this.#roll.strays().length === 0) return;
    this.#runUntil(changesEndMs, () => false);
    for (const node of this.#roll.strays()) node.giveUp();
  }

  #stalled(detail: string): void {
    const states = this.#nodes.map((node) => `${node.name} ${node.state} ${stateOf(node) ?? 'not open'}`);
    this.#violation ??= {
      type: 'stalled',
      property: 'progress without faults',
      detail: `${convergenceMs / 1000} s after the last fault: ${detail}; ${states.join(', ')}`,
    };
  }

  /** Of what is in the chronicle every replica is to hold all, since all have equal states. */
  #checkKept(): void {
    checkAcknowledged(this.#workload.acknowledged, this.#chronicle, this.#report);
    for (const { name, backend } of this.#roll.members()) {
      const { store } = present(backend, 'members run when all have converged');
      checkHeld(name, store, this.#chronicle, this.#report);
    }
  }

  #checkHistory(): void {
    const operations = this.#workload.history.operations();
    const verdict = checkLinearizability(keyValueModel, operations, defaultStepBudget, (illegal) => {
      this.#illegalHistory = illegal;
    });
    if (verdict.type === 'ok') return;
    const detail =
      verdict.type === 'illegal'
        ? `${verdict.partition}: ${verdict.explanation}`
        : `${verdict.partition}: undecided after ${verdict.steps} steps; shorten the histories`;
    this.#violation = { type: 'wrong', property: 'linearizability', detail };
  }
}
