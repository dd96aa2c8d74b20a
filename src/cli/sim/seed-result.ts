import { describeOptions, runSeed, type WorldReport } from '../../simulator/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { WorldOrder } from './options.ts';

/** How one seed ended, as `--json` prints it and as threads send it. */
export interface SeedResult {
  readonly seed: number;
  readonly protocol: string;
  readonly verdict: 'good' | 'crash' | 'stalled' | 'wrong';
  /** What was broken, when the verdict is not good. */
  readonly property?: string;
  readonly detail?: string;
  /** Equal for equal seeds and flags, in every process and on every machine. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly replicas: number;
  readonly committed: number;
  readonly operations: WorldReport['operations'];
  readonly messages: number;
  readonly lostWrites: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The world that the seed drew, in words. */
  readonly world: string;
}

/** What the process ends with when nothing comes after this seed. */
export const endOf = ({ verdict }: SeedResult): ExitCode =>
  verdict === 'good' ? exitCodes.done : exitCodes[verdict];

export const runOrder = (seed: number, order: WorldOrder, print?: (line: string) => void): SeedResult =>
  seedResult(runSeed(seed, order.overrides, order.mutant, print));

export function seedResult(report: WorldReport): SeedResult {
  const { options, violation, hash, simulatedMs, events, decided, operations, lostWrites, faults } = report;
  return {
    seed: options.seed,
    protocol: options.protocol,
    verdict: violation?.type ?? 'good',
    ...(violation === undefined ? {} : { property: violation.property, detail: violation.detail }),
    traceHash: hash,
    simulatedMs,
    events,
    replicas: options.replicas,
    committed: decided,
    operations,
    messages: report.effects.get('send') ?? 0,
    lostWrites,
    faults: Object.fromEntries(faults),
    world: describeOptions(options),
  };
}
