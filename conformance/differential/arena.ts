import fc from 'fast-check';
import { Cluster } from '../../test/processes/cluster.ts';
import { EtcdCluster } from '../../test/support/etcd-cluster.ts';
import { compared, report } from './compare.ts';
import type { Program } from './program.ts';
import { anyProgram } from './programs.ts';
import { Subject } from './subject.ts';

export interface Outcome {
  /** The smallest program that was found to be answered differently, and how; undefined when all were answered alike. */
  readonly difference: string | undefined;
  readonly programs: number;
  readonly steps: number;
  /** How often each listed difference was met. */
  readonly met: ReadonlyMap<string, number>;
}

/** A process of etcd and one of ours, side by side. */
export class Arena implements AsyncDisposable {
  readonly #clusters: readonly AsyncDisposable[];
  readonly #theirs: Subject;
  readonly #ours: Subject;

  static async open(etcd: string): Promise<Arena> {
    const theirs = await EtcdCluster.start(etcd, 1);
    try {
      return new Arena(theirs, await Cluster.start({ replicas: 1 }));
    } catch (error) {
      await theirs[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(theirs: EtcdCluster, ours: Cluster) {
    this.#clusters = [theirs, ours];
    this.#theirs = new Subject(theirs.members[0]?.client ?? '');
    this.#ours = new Subject(ours.members[0]?.client ?? '');
  }

  /** Random programs; the same ones for the same seed. The first that is answered differently is made as small as can be. */
  async compare(
    programs: number,
    seed: number,
    onProgress: (done: number) => void = () => {},
  ): Promise<Outcome> {
    const met = new Map<string, number>();
    let done = 0;
    let steps = 0;
    const property = fc.asyncProperty(anyProgram, async (program) => {
      const comparison = await this.#run(program);
      for (const name of comparison.met) met.set(name, (met.get(name) ?? 0) + 1);
      steps += program.length;
      onProgress(++done);
      const [first] = comparison.unexplained;
      if (first !== undefined) throw new Error(report(first));
    });
    const { failed, errorInstance, numRuns } = await fc.check(property, { numRuns: programs, seed });
    const text = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
    return { difference: failed ? text : undefined, programs: numRuns, steps, met };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subject of [this.#theirs, this.#ours]) await subject[Symbol.asyncDispose]();
    await Promise.all(this.#clusters.map((cluster) => cluster[Symbol.asyncDispose]()));
  }

  async #run(program: Program): Promise<ReturnType<typeof compared>> {
    const [theirs, ours] = await Promise.all([this.#theirs.run(program), this.#ours.run(program)]);
    return compared(program, theirs, ours);
  }
}
