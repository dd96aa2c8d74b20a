import { parentPort } from 'node:worker_threads';
import { present } from '../../../../src/core/assert.ts';
import { openInlineSolver } from './highs.ts';
import type { SolveRequest, SolveResponse } from './worker-messages.ts';

const port = present(parentPort, 'this module runs in a worker thread');
const solver = await openInlineSolver();

port.on('message', async ({ id, program, options }: SolveRequest) => {
  const response: SolveResponse = { id, solution: await solver.solve(program, options) };
  port.postMessage(response);
});
