import { Random } from '../../src/core/random.ts';
import type { ReadStore } from '../../src/core/store.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyAnswer,
  type KeyCommand,
  keySpace,
  machineView,
} from '../../src/machine/index.ts';
import { laboratory } from '../../src/protocols/laboratory.ts';
import { findProtocol } from '../../src/protocols/registry.ts';
import type { Outcome } from '../../src/replica/types.ts';
import { splitFrames } from '../../src/simulator/frames.ts';
import { SimulatedNetwork } from '../../src/simulator/network.ts';
import { Node } from '../../src/simulator/node.ts';
import { drawOptions } from '../../src/simulator/options.ts';
import { ClusterProperties, type Violation } from '../../src/simulator/properties.ts';
import { Scheduler } from '../../src/simulator/scheduler.ts';
import { Trace } from '../../src/simulator/trace.ts';
import type { StoreBackend } from '../../src/storage/backend.ts';
import type { Disk } from '../../src/storage/disk.ts';

export interface ClusterOptions {
  readonly seed: string;
  readonly replicas: number;
  readonly electionTimeout: number;
}

const calm = { slow: 0, loss: 0, duplication: 0, reordering: 0, maxLateMs: 0, splitting: 0 };

/**
 * Real replicas of the key space on simulated machines, for tests that make their own troubles: nothing goes wrong unless
 * it is told to, time passes only in `run`, and no machine's clock drifts.
 */
export class SimulatedCluster {
  readonly nodes: readonly Node[];
  readonly network: SimulatedNetwork;
  readonly #scheduler = new Scheduler();
  #violation: Violation | undefined;

  constructor({ seed, replicas, electionTimeout }: ClusterOptions) {
    const definition = findProtocol('raft');
    const invariants = laboratory.get('raft')?.createInvariants();
    if (definition === undefined || invariants === undefined) throw new Error('there is no raft');
    const scheduler = this.#scheduler;
    const random = Random.fromSeed(seed);
    const trace = new Trace();
    const link = { ...calm, minDelayMs: 0.1, maxDelayMs: 1 };
    this.network = new SimulatedNetwork({
      scheduler,
      random: random.stream('network'),
      trace,
      conditions: link,
      split: splitFrames,
    });
    const report = (violation: Violation): void => {
      this.#violation ??= violation;
    };
    const world = {
      ...drawOptions(1, { replicas }),
      timing: { heartbeatInterval: electionTimeout / 5, electionTimeout },
      link,
      disk: { minDelayMs: 0.1, maxDelayMs: 1 },
      maxDriftPpm: 0,
      maxTurnMicros: 200,
    };
    const names = Array.from({ length: replicas }, (_, at) => `n${at + 1}`);
    const properties = new ClusterProperties(report);
    this.nodes = names.map((name) => {
      const context = {
        name,
        world,
        names,
        definition,
        machine: keySpace,
        random: random.stream(name),
        scheduler,
        trace,
        network: this.network,
        properties,
        invariants,
        report,
        throughDisk: (disk: Disk): Disk => disk,
        throughBackend: (backend: StoreBackend): StoreBackend => backend,
      };
      return new Node(context);
    });
    for (const node of this.nodes) node.start();
  }

  /** Simulated milliseconds since the beginning. */
  get now(): number {
    return this.#scheduler.now / 1_000;
  }

  /** Lets time pass; throws what a replica did wrong meanwhile. */
  run(ms: number): void {
    const limit = this.#scheduler.now + ms * 1_000;
    while (this.#violation === undefined && this.#scheduler.runNext(limit))
      for (const node of this.nodes) node.check();
    const { property, detail } = this.#violation ?? {};
    if (property !== undefined) throw new Error(`${property}: ${detail}`);
  }

  /** Lets time pass until `condition` holds; throws when it does not within `ms`. */
  runUntil(what: string, condition: () => boolean, ms = 60_000): void {
    for (const end = this.now + ms; this.now < end; this.run(10)) if (condition()) return;
    throw new Error(`${ms} ms later still not: ${what}`);
  }

  /** Who leads, once somebody does. */
  leader(): Node {
    const leading = (): Node | undefined => this.nodes.find((node) => node.leads && node.state === 'up');
    this.runUntil('somebody leads', () => leading() !== undefined);
    return leading() as Node;
  }

  follower(): Node {
    const leader = this.leader();
    return this.nodes.find((node) => node !== leader) as Node;
  }

  send(node: Node, command: KeyCommand, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    node.propose(encodeCommand(command), timeoutMs, settle);
  }

  /** What a command was answered, once it is. */
  execute(command: KeyCommand, node: Node = this.leader()): KeyAnswer {
    let settled: Outcome | undefined;
    this.send(node, command, 30_000, (outcome) => {
      settled = outcome;
    });
    this.runUntil('the command is answered', () => settled !== undefined);
    if (settled?.type !== 'done') throw new Error(`a ${command.type} was ${settled?.type}`);
    const answer = decodeAnswer(settled.result);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  /** What a replica has applied; undefined while it does not run. */
  state(node: Node): ReadStore | undefined {
    const store = node.backend?.store;
    return store && machineView(store);
  }
}
