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
