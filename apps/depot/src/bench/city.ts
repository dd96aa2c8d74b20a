import type { Worker } from 'node:worker_threads';
import type { Scenario } from '../model/scenario.ts';
import { startThread } from '../planning/thread.ts';

export interface CityTask {
  readonly scenario: Scenario;
}

export interface CityReport {
  readonly unmetKwh: number;
}

/** Plans every depot of a city, each on the next free of `threads`; `onPlanned` is told how many are done. */
export async function planCity(
  scenarios: readonly Scenario[],
  threads: number,
  onPlanned: (done: number) => void,
): Promise<readonly CityReport[]> {
  const queue = [...scenarios];
  const reports: CityReport[] = [];
  const entry = new URL('./city-worker.ts', import.meta.url);
  const workers = Array.from({ length: threads }, () => startThread(entry));
  const serve = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const next = (): void => {
        const scenario = queue.shift();
        if (scenario === undefined) return resolve();
        const task: CityTask = { scenario };
        worker.postMessage(task);
      };
      worker.on('message', (report: CityReport) => {
        reports.push(report);
        onPlanned(reports.length);
        next();
      });
      worker.on('error', reject);
      next();
    });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return reports;
}
