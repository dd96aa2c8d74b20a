import { hex } from '../../src/core/bytes.ts';
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
import type { ProtocolDefinition } from '../../src/protocol/index.ts';
import { findProtocol } from '../../src/protocols/registry.ts';
import { openReplica } from '../../src/replica/open.ts';
import type { ReplicaCore } from '../../src/replica/replica-core.ts';
import type { Outcome } from '../../src/replica/types.ts';
import { SimulatedDisk } from '../../src/simulator/disk.ts';
import { splitFrames } from '../../src/simulator/frames.ts';
import { Host } from '../../src/simulator/host.ts';
import { SimulatedNetwork } from '../../src/simulator/network.ts';
import { Scheduler } from '../../src/simulator/scheduler.ts';
import { Trace } from '../../src/simulator/trace.ts';
import type { StoreBackend } from '../../src/storage/backend.ts';
import { MemoryBackend } from '../../src/storage/memory-backend.ts';

export interface ClusterOptions {
  readonly seed: string;
  readonly replicas: number;
  readonly electionTimeout: number;
}

interface Surroundings extends ClusterOptions {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly definition: ProtocolDefinition;
  readonly names: readonly string[];
  readonly failed: (error: Error) => void;
}

/** A real replica of the key space on a simulated machine, whose clock does not drift. */
export class SimulatedReplica {
  readonly #host: Host;
  readonly #name: string;
  readonly #disk: SimulatedDisk;
  readonly #surroundings: Surroundings;
  #core: ReplicaCore | undefined;
  #backend: StoreBackend | undefined;

  constructor(name: string, surroundings: Surroundings) {
    const { scheduler, random } = surroundings;
    this.#name = name;
    this.#surroundings = surroundings;
    const stream = random.stream(name);
    this.#host = new Host({
      name,
      scheduler,
      random: stream.stream('host'),
      maxDriftPpm: 0,
      minTurnMicros: 0,
      maxTurnMicros: 200,
    });
    this.#disk = new SimulatedDisk({
      schedule: (delayMs, callback) => scheduler.schedule(delayMs, this.#host.guard(callback)),
      random: stream.stream('disk'),
      speed: { minDelayMs: 0.1, maxDelayMs: 1 },
    });
  }

  get state(): Host['state'] {
    return this.#host.state;
  }

  get leads(): boolean {
    return this.state !== 'down' && this.#core?.status().role === 'leader';
  }

  /** What it has applied; undefined while it does not run. */
  get applied(): ReadStore | undefined {
    return this.#backend && machineView(this.#backend.store);
  }

  /** Where it is and what it holds, as text. */
  get position(): string {
    const backend = this.#backend;
    return backend === undefined ? '' : `${backend.base().position.index} ${hex(backend.digest())}`;
  }

  start(): void {
    const { network, random, definition, names, electionTimeout, failed } = this.#surroundings;
    const host = this.#host;
    host.start();
    const disk = this.#disk;
    openReplica(
      {
        disk,
        network: network.attach(host),
        clock: host.clock,
        random: random.stream(`${this.#name} life ${host.life}`),
        definition,
        machine: keySpace,
        openBackend: (initial, callback) =>
          MemoryBackend.open({ disk, directory: 'state', initial }, (error, backend) => {
            if (error !== undefined) return callback(error, undefined);
            this.#backend = backend;
            callback(undefined, backend);
          }),
        name: this.#name,
        cluster: names.map((name) => ({ name, address: `${name}:1` })),
        clusterToken: 'simulated',
        peerAddress: `${this.#name}:1`,
        clientAddresses: [],
        version: 'simulated',
        timing: { heartbeatInterval: electionTimeout / 5, electionTimeout },
        observer: { log: () => {} },
        segmentBytes: 256 * 1024,
        halted: failed,
      },
      (error, core) => {
        if (error !== undefined) failed(error);
        else this.#core = core;
      },
    );
  }

  crash(powerCut: boolean): void {
    this.#host.kill();
    this.#surroundings.network.processGone(this.#host, powerCut);
    if (powerCut) this.#disk.powerCut();
    else this.#disk.kill();
    this.#core = undefined;
    this.#backend = undefined;
  }

  pause(): void {
    this.#host.pause();
  }

  resume(): void {
    this.#host.resume();
  }

  slowDisk(factor: number): void {
    this.#disk.slowDown(factor);
  }

  /** Waits while the machine is paused; is refused while it is down, and never settled when it dies. */
  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    this.#host.guard(() => {
      if (this.#core === undefined) settle({ type: 'refused', reason: 'notReady' });
      else this.#core.propose(command, timeoutMs, settle);
    })();
  }
}

/**
 * A cluster for tests that make their own troubles: nothing goes wrong unless it is told to, and time passes only when it
 * is told to.
 */
export class SimulatedCluster {
  readonly replicas: readonly SimulatedReplica[];
  readonly #scheduler = new Scheduler();
  #failure: Error | undefined;

  constructor(options: ClusterOptions) {
    const definition = findProtocol('raft');
    if (definition === undefined) throw new Error('there is no raft');
    const scheduler = this.#scheduler;
    const random = Random.fromSeed(options.seed);
    const network = new SimulatedNetwork({
      scheduler,
      random: random.stream('network'),
      trace: new Trace(),
      conditions: {
        minDelayMs: 0.1,
        maxDelayMs: 1,
        maxLateMs: 0,
        slow: 0,
        loss: 0,
        duplication: 0,
        reordering: 0,
        splitting: 0,
      },
      split: splitFrames,
    });
    const names = Array.from({ length: options.replicas }, (_, at) => `n${at + 1}`);
    const failed = (error: Error): void => {
      this.#failure ??= error;
    };
    const surroundings = { ...options, scheduler, network, random, definition, names, failed };
    this.replicas = names.map((name) => new SimulatedReplica(name, surroundings));
    for (const replica of this.replicas) replica.start();
  }

  /** Simulated milliseconds since the beginning. */
  get now(): number {
    return this.#scheduler.now / 1_000;
  }

  /** Lets time pass; throws when a replica gave up meanwhile. */
  run(ms: number): void {
    this.#scheduler.runUntil(this.#scheduler.now + ms * 1_000);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Lets time pass until `condition` holds; throws when it does not within `ms`. */
  runUntil(what: string, condition: () => boolean, ms = 60_000): void {
    for (const end = this.now + ms; this.now < end; this.run(10)) if (condition()) return;
    throw new Error(`${ms} ms later still not: ${what}`);
  }

  /** Who leads, once somebody does. */
  leader(): SimulatedReplica {
    const leading = (): SimulatedReplica | undefined =>
      this.replicas.find((replica) => replica.leads && replica.state === 'up');
    this.runUntil('somebody leads', () => leading() !== undefined);
    return leading() as SimulatedReplica;
  }

  follower(): SimulatedReplica {
    const leader = this.leader();
    return this.replicas.find((replica) => replica !== leader) as SimulatedReplica;
  }

  /** What a command was answered, once it is. */
  execute(command: KeyCommand): KeyAnswer {
    let settled: Outcome | undefined;
    this.leader().propose(encodeCommand(command), 30_000, (outcome) => {
      settled = outcome;
    });
    this.runUntil('the command is answered', () => settled !== undefined);
    if (settled?.type !== 'done') throw new Error(`a ${command.type} was ${settled?.type}`);
    const answer = decodeAnswer(settled.result);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}
