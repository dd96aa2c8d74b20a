import { parentPort, workerData } from 'node:worker_threads';
import { present } from '../../core/assert.ts';
import type { WorldOrder } from './options.ts';
import { runOrder } from './seed-result.ts';

/** A thread that runs the worlds of the seeds it is sent. */
const port = present(parentPort, 'this module runs in a worker thread');
const order = workerData as WorldOrder;

port.on('message', (seed: number) => port.postMessage(runOrder(seed, order)));
