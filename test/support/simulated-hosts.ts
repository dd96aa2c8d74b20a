import { Random } from '../../src/core/random.ts';
import { splitFrames } from '../../src/simulator/frames.ts';
import { Host } from '../../src/simulator/host.ts';
import { SimulatedNetwork } from '../../src/simulator/network.ts';
import { Scheduler } from '../../src/simulator/scheduler.ts';
import { Trace } from '../../src/simulator/trace.ts';

/** Hosts on a simulated network without faults of its own; `run` lets milliseconds pass. */
export function simulatedHosts(...names: readonly string[]) {
  const scheduler = new Scheduler();
  const random = Random.fromSeed('simulated hosts');
  const network = new SimulatedNetwork({
    scheduler,
    random,
    trace: new Trace(),
    conditions: {
      minDelayMs: 1,
      maxDelayMs: 2,
      maxLateMs: 0,
      slow: 0,
      loss: 0,
      duplication: 0,
      reordering: 0,
      splitting: 500,
    },
    split: splitFrames,
  });
  const hosts = names.map((name) => {
    const host = new Host({
      name,
      scheduler,
      random: random.stream(name),
      maxDriftPpm: 0,
      minTurnMicros: 0,
      maxTurnMicros: 100,
    });
    host.start();
    return { host, network: network.attach(host) };
  });
  const run = (ms: number): void => scheduler.runUntil(scheduler.now + ms * 1_000);
  return { scheduler, network, hosts, run };
}
