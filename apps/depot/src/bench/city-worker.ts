import { parentPort } from 'node:worker_threads';
import { present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import { compileProblem } from '../model/compile-problem.ts';
import { openInlineSolver } from '../planning/highs.ts';
import { planning } from '../strategies/planning.ts';
import { runStrategy } from '../strategies/run.ts';
import type { CityReport, CityTask } from './city.ts';

const port = present(parentPort, 'this module runs in a worker thread');
const solver = await openInlineSolver();

port.on('message', async ({ scenario }: CityTask) => {
  const tools = { solver, random: Random.fromSeed('city') };
  const plan = await runStrategy(compileProblem(scenario), planning(), tools);
  const report: CityReport = { unmetKwh: plan.unmet.reduce((sum, { kwh }) => sum + kwh, 0) };
  port.postMessage(report);
});
