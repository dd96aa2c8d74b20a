import { table } from '../src/cli/output.ts';
import { drawOptions } from '../src/simulator/options.ts';
import { simulate } from '../src/simulator/simulate.ts';
import type { WorldReport } from '../src/simulator/world.ts';

/** Simulated seconds with faults; a campaign has 60 unless told. */
const faultMs = 20_000;
const everyKind = Array.from({ length: 16 }, (_, at) => at + 1);
/** Clients of a world that count as a crowd. */
const crowdClients = 128;
const crowds = Array.from({ length: 40 }, (_, at) => at + 1).filter(
  (seed) => drawOptions(seed).workload.clients >= crowdClients,
);
/** Compiles what the others run. */
const warmUp = [5, 7];

interface Sums {
  readonly worlds: number;
  readonly events: number;
  readonly commits: number;
  readonly simulatedSeconds: number;
  readonly cpuSeconds: number;
}

/** How much happens in simulated worlds in a second of processor time, all threads of the process together. */
export function measureSimulator(): string {
  run(warmUp);
  const rows = { 'of every kind': run(everyKind), crowds: run(crowds) };
  const lines = Object.entries(rows).map(([name, sums]) => [
    name,
    count(sums.worlds),
    count(sums.events),
    count(sums.commits),
    count(sums.commits / sums.simulatedSeconds),
    sums.cpuSeconds.toFixed(1),
    count(sums.events / sums.cpuSeconds),
    count(sums.commits / sums.cpuSeconds),
  ]);
  const head = ['worlds', '', 'events', 'commits', 'a simulated s', 'CPU s', 'events/CPU s', 'commits/CPU s'];
  return table(head, lines);
}

function run(seeds: readonly number[]): Sums {
  const before = process.cpuUsage();
  const reports = seeds.map(held);
  const { user, system } = process.cpuUsage(before);
  const sum = (of: (report: WorldReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    worlds: reports.length,
    events: sum(({ events }) => events),
    commits: sum(({ decided }) => decided),
    simulatedSeconds: sum(({ simulatedMs }) => simulatedMs) / 1000,
    cpuSeconds: (user + system) / 1_000_000,
  };
}

function held(seed: number): WorldReport {
  const report = simulate(seed, { faultMs });
  if (report.violation !== undefined) throw new Error(`seed ${seed}: ${report.violation.detail}`);
  return report;
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
