import { planReplicas } from '../../src/cli/start/plan.ts';
import { portProblem } from '../../src/cli/start/ports.ts';

/** A `--port` for `quorate start` whose ports are all free now. Below the range that systems give out by themselves. */
export async function freeClusterPort(replicas: number): Promise<number> {
  for (;;) {
    const port = 10_000 + 2 * Math.floor(Math.random() * 1_000);
    const addresses = planReplicas({ port, replicas }, '').flatMap(({ client, peer }) => [client, peer]);
    const problems = await Promise.all(addresses.map(portProblem));
    if (problems.every((problem) => problem === undefined)) return port;
  }
}

/**
 * So many ports in a row that are all free now. Each worker of the test runner has a range of its own, so that files that
 * run side by side do not take each other's; all are below those that a system gives to outgoing connections, which could
 * otherwise take the port of a replica while it is down.
 */
export async function freePorts(count: number): Promise<number> {
  const range = { first: 12_100, size: 2_200, workers: 8 };
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % range.workers;
  for (;;) {
    const first = range.first + worker * range.size + Math.floor(Math.random() * (range.size - count));
    const addresses = Array.from({ length: count }, (_, at) => ({ host: '127.0.0.1', port: first + at }));
    const problems = await Promise.all(addresses.map(portProblem));
    if (problems.every((problem) => problem === undefined)) return first;
  }
}
