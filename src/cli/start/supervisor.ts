import { setTimeout as pause } from 'node:timers/promises';
import { Calls, ClientFailure } from '../../client/wire/index.ts';
import { formatAddress } from '../config/values.ts';
import type { CliDependencies } from '../dependencies.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { ReplicaPlan } from './plan.ts';
import { ReplicaProcess } from './replica-process.ts';

export interface SupervisorOptions {
  readonly plan: readonly ReplicaPlan[];
  readonly protocol: string;
  readonly logLevel: string;
  /** What to print when clients can be served. */
  readonly welcome: string;
}

const pollMs = 150;
const reportMs = 10_000;

/** Runs the replicas of `plan` until it is told to stop; resolves to the exit code when all of them have ended. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #dependencies: CliDependencies;
  readonly #replicas: readonly ReplicaProcess[];
  readonly #finished: Promise<ExitCode>;
  #finish: (code: ExitCode) => void = () => undefined;
  #stopping = false;
  #isReady = false;

  constructor(options: SupervisorOptions, dependencies: CliDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#replicas = options.plan.map(
      (replica) =>
        new ReplicaProcess(replica.name, this.#arguments(replica), dependencies, {
          onExit: (how, restartInMs) => this.#replicaExited(replica.name, how, restartInMs),
        }),
    );
  }

  async run(): Promise<ExitCode> {
    const { stdout, lifeline } = this.#dependencies;
    lifeline.onStop((reason) => {
      if (this.#stopping) {
        for (const replica of this.#replicas) replica.kill();
        lifeline.exit(exitCodes.refused);
      } else {
        this.#say(`${reason}: stopping the replicas, once more kills them`);
        void this.#stop(exitCodes.done);
      }
    });
    for (const replica of this.#replicas) replica.start();
    await this.#untilReady();
    if (!this.#stopping) {
      this.#isReady = true;
      stdout.write(this.#options.welcome);
    }
    return this.#finished;
  }

  #arguments(replica: ReplicaPlan): string[] {
    const { plan, protocol, logLevel } = this.#options;
    const cluster = plan.map((each) => `${each.name}=${formatAddress(each.peer)}`).join(',');
    const flags = {
      name: replica.name,
      'data-dir': replica.dataDir,
      client: formatAddress(replica.client),
      peer: formatAddress(replica.peer),
      cluster,
      protocol,
      'log-level': logLevel,
    };
    return ['serve', ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])];
  }

  /** Before the cluster was ready, an end means that it cannot work; after that, the others go on and it comes back. */
  #replicaExited(name: string, how: string, restartInMs: number | undefined): void {
    if (this.#stopping) return;
    if (!this.#isReady) {
      this.#say(`${name} ${how} before the cluster was ready (see its lines above): stopping the others`);
      void this.#stop(exitCodes.refused);
    } else if (restartInMs === undefined) {
      this.#say(`${name} ${how} and is not started again; the others go on`);
    } else {
      this.#say(`${name} ${how}; it is started again in ${restartInMs / 1000} s`);
    }
  }

  async #untilReady(): Promise<void> {
    let reportAt = performance.now() + reportMs;
    let waiting = this.#options.plan;
    while (!this.#stopping && waiting.length > 0) {
      const served = await Promise.all(waiting.map(hasLeader));
      waiting = waiting.filter((_, at) => served[at] !== true);
      if (performance.now() >= reportAt) {
        this.#say(`still waiting for ${waiting.map((replica) => replica.name).join(', ')}`);
        reportAt += reportMs;
      }
      if (waiting.length > 0) await pause(pollMs);
    }
  }

  /** Followers first: while the leader has a quorum it can hand over what it is asked for. */
  async #stop(code: ExitCode): Promise<void> {
    this.#stopping = true;
    const leads = await Promise.all(this.#options.plan.map(isLeader));
    for (const leading of [false, true]) {
      for (const [at, replica] of this.#replicas.entries()) {
        if ((leads[at] === true) === leading) await replica.stop();
      }
    }
    this.#say('all replicas have stopped');
    this.#finish(code);
  }

  #say(text: string): void {
    this.#dependencies.stderr.write(`start | ${text}\n`);
  }
}

const hasLeader = async (replica: ReplicaPlan): Promise<boolean> => {
  const status = await askStatus(replica);
  return status !== undefined && status.leader !== 0n;
};

const isLeader = async (replica: ReplicaPlan): Promise<boolean> => {
  const status = await askStatus(replica);
  return status !== undefined && status.leader !== 0n && status.leader === status.header?.memberId;
};

async function askStatus(replica: ReplicaPlan): Promise<Awaited<ReturnType<Calls['status']>> | undefined> {
  const client = new Calls({
    servers: [{ address: formatAddress(replica.client), tls: undefined }],
    timeoutMs: 1_000,
  });
  try {
    return await client.status();
  } catch (error) {
    if (error instanceof ClientFailure) return undefined;
    throw error;
  } finally {
    client.close();
  }
}
