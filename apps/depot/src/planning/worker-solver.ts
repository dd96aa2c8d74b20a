import type { Worker } from 'node:worker_threads';
import type { LinearProgram, LpSolution, LpSolver, SolveOptions } from './solver.ts';
import { startThread } from './thread.ts';
import type { SolveRequest, SolveResponse } from './worker-messages.ts';

/** HiGHS in a thread of its own, so that a long solve does not hold up anything else. It starts with the first solve. */
export function openWorkerSolver(): LpSolver {
  return new WorkerSolver();
}

class WorkerSolver implements LpSolver {
  readonly #waiting = new Map<number, (solution: LpSolution) => void>();
  #worker: Worker | undefined;
  #nextId = 0;
  #closed = false;

  solve(program: LinearProgram, options: SolveOptions = {}): Promise<LpSolution> {
    if (this.#closed) return Promise.resolve(failed('the solver has been closed'));
    this.#worker ??= this.#start();
    const request: SolveRequest = { id: this.#nextId++, program, options };
    return new Promise((resolve) => {
      this.#waiting.set(request.id, resolve);
      this.#worker?.ref();
      this.#worker?.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#abandon('the solver has been closed');
  }

  #start(): Worker {
    const worker = startThread(new URL('./highs-worker.ts', import.meta.url));
    worker.on('message', ({ id, solution }: SolveResponse) => {
      this.#waiting.get(id)?.(solution);
      this.#waiting.delete(id);
      // An idle thread must not keep the process from ending.
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on('error', (error) => this.#lost(worker, error.message));
    worker.on('exit', (code) => this.#lost(worker, `its thread ended with code ${code}`));
    return worker;
  }

  /** A thread that is out of memory takes its solves with it; the next solve gets a new one. */
  #lost(worker: Worker, detail: string): void {
    if (this.#worker === worker) this.#worker = undefined;
    this.#abandon(detail);
  }

  #abandon(detail: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve(failed(detail));
  }
}

const failed = (detail: string): LpSolution => ({ type: 'failed', detail });
