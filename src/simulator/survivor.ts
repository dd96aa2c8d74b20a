import { hex } from '../core/bytes.ts';
import { type Index, index } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Machine } from '../machine/index.ts';
import type { ProtocolDefinition } from '../protocol/index.ts';
import { openReplica } from '../replica/open.ts';
import type { ReplicaCore } from '../replica/replica-core.ts';
import type { StoreBackend } from '../storage/backend.ts';
import { MemoryBackend } from '../storage/memory-backend.ts';
import type { Network } from '../transport/network.ts';
import { SimulatedDisk } from './disk.ts';
import { Host } from './host.ts';
import { encodeWrite } from './key-value-calls.ts';
import { clusterToken } from './node.ts';
import type { WorldOptions } from './options.ts';
import type { Scheduler } from './scheduler.ts';

interface SurvivorOptions {
  readonly name: string;
  /** A copy of what is on its disk. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** All that it has applied before is kept; what others decided without it is lost. */
  readonly applied: Index;
  /** The state after `index`, as it was known before; undefined when nobody looked. */
  readonly digestAt: (index: Index) => string | undefined;
  readonly world: WorldOptions;
  readonly definition: ProtocolDefinition;
  readonly machine: Machine;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly attach: (host: Host) => Network;
}

/**
 * A replica after the majority of its cluster is lost, as `quorate recover` begins with it: alone, with a copy of its disk. It
 * must take a write, and hold whatever it had applied before; whether it holds more, nobody can say.
 */
export class Survivor {
  readonly #options: SurvivorOptions;
  readonly #host: Host;
  #backend: StoreBackend | undefined;
  #checked = index(0);
  #failure: string | undefined;
  #done = false;

  constructor(options: SurvivorOptions) {
    this.#options = options;
    const { name, random, scheduler, world } = options;
    const { maxDriftPpm, minTurnMicros, maxTurnMicros } = world;
    const turns = { minTurnMicros, maxTurnMicros };
    this.#host = new Host({ name, scheduler, random: random.stream('host'), maxDriftPpm, ...turns });
  }

  /** What is wrong; undefined while nothing is. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Has taken a write, or failed. */
  get settled(): boolean {
    this.#check();
    return this.#done || this.#failure !== undefined;
  }

  start(): void {
    const { name, files, world, definition, machine, random, scheduler, attach } = this.#options;
    this.#host.start();
    const disk = new SimulatedDisk({
      schedule: (delayMs, callback) => scheduler.schedule(delayMs, this.#host.guard(callback)),
      random: random.stream('disk'),
      speed: world.disk,
    });
    for (const [path, bytes] of files) disk.put(path, bytes);
    openReplica(
      {
        disk,
        network: attach(this.#host),
        clock: this.#host.clock,
        random: random.stream('replica'),
        definition: { ...definition, create: (options) => definition.create({ ...options, alone: true }) },
        machine,
        openBackend: (initial, callback) =>
          MemoryBackend.open({ disk, directory: 'state', initial }, (error, backend) => {
            this.#backend = backend;
            if (error !== undefined) callback(error, undefined);
            else callback(undefined, backend);
          }),
        name,
        cluster: [],
        clusterToken,
        peerAddress: `${name}:1`,
        clientAddresses: [],
        version: 'simulated',
        timing: world.timing,
        segmentBytes: world.segmentBytes,
        retention: world.retention,
        flushIntervalMs: world.flushIntervalMs,
        applySliceEntries: world.applySliceEntries,
        observer: { log: () => undefined },
        halted: (error) => this.#fail(error.message),
      },
      (error, core) => {
        if (error !== undefined) this.#fail(error.message);
        else this.#write(core);
      },
    );
  }

  #write(core: ReplicaCore): void {
    const command = encodeWrite({ type: 'put', key: `left-${this.#options.name}`, value: 'after all' });
    core.propose(command, 1_000, (outcome) => {
      if (outcome.type !== 'done') this.#options.scheduler.schedule(50, () => this.#write(core));
      else this.#finish();
    });
  }

  #finish(): void {
    const held = this.#backend?.base().position.index ?? 0;
    const { applied } = this.#options;
    if (held < applied) this.#fail(`it holds ${held} entries and had applied ${applied}`);
    this.#done = true;
  }

  #check(): void {
    const at = this.#backend?.base().position.index ?? index(0);
    if (at === this.#checked || at > this.#options.applied || this.#backend === undefined) return;
    this.#checked = at;
    const [known, found] = [this.#options.digestAt(at), hex(this.#backend.digest())];
    if (known !== undefined && known !== found)
      this.#fail(`after ${at} it holds ${found}, and held ${known}`);
  }

  #fail(text: string): void {
    this.#failure ??= `${this.#options.name}, alone: ${text}`;
  }
}
