import type { CliDependencies } from '../dependencies.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Campaign, canThread } from './campaign.ts';
import { CoverageRecorder, describeCoverage } from './coverage.ts';
import { flagsOf, type SimOptions } from './options.ts';
import { Progress } from './progress.ts';
import { endOf, runOrder, type SeedResult } from './seed-result.ts';
import { writeShrunk } from './shrink.ts';
import { Totals } from './totals.ts';

/** Runs the worlds that `options` ask for, tells how each ended, and resolves to the exit code. */
export async function runSim(options: SimOptions, dependencies: CliDependencies): Promise<ExitCode> {
  const { stdout, stderr, lifeline } = dependencies;
  const { order, firstSeed, lastSeed, minutes, json, verbose } = options;
  const began = performance.now();
  const elapsed = (): number => performance.now() - began;
  const totals = new Totals();
  const progress = new Progress(stderr);
  let failure: SeedResult | undefined;
  let stopped = false;
  const onStop = (): void => {
    if (stopped) lifeline.exit(exitCodes.unknown);
    stopped = true;
    progress.clear();
    stderr.write('finishing the worlds that run now; the same again ends at once\n');
  };
  const budgetMs = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000;
  const report = (result: SeedResult): void => {
    progress.clear();
    totals.add(result);
    stdout.write(json ? `${JSON.stringify(result)}\n` : `${describe(result)}\n`);
    if (result.verdict !== 'good') failure = result;
    const share = lastSeed === undefined ? elapsed() / budgetMs : totals.seeds / (lastSeed - firstSeed + 1);
    progress.show(share, totals, elapsed());
  };
  // The counters are of one thread.
  const coverage = options.coverage ? new CoverageRecorder() : undefined;
  const mayGoOn = (): boolean => !stopped && elapsed() < budgetMs;
  if (verbose) {
    // Nothing but the world has a turn until it ends: a signal has to end the process by itself.
    report(runOrder(firstSeed, order, (line) => stdout.write(`${line}\n`)));
  } else {
    const campaign = new Campaign(order, { first: firstSeed, last: lastSeed }, mayGoOn, report);
    const threads = Math.min(options.threads, (lastSeed ?? Number.POSITIVE_INFINITY) - firstSeed + 1);
    const unheard = lifeline.onStop(onStop);
    // A single thread, too: this one hears signals while a world runs.
    if (canThread && coverage === undefined) await campaign.runInThreads(threads);
    else await campaign.run();
    unheard();
  }
  progress.clear();
  if (failure !== undefined) {
    stderr.write(`${describeFailure(failure, options)}\n`);
  }
  if (!json) stdout.write(`${totals.describe(elapsed())}\n`);
  if (coverage !== undefined) {
    const taken = coverage.take(order.overrides.protocol);
    stdout.write(json ? `${JSON.stringify({ coverage: taken })}\n` : `${describeCoverage(taken)}\n`);
  }
  if (failure !== undefined) {
    if (options.shrink !== undefined) {
      writeShrunk(failure, order, options.shrink, (line) => stderr.write(`${line}\n`));
    }
    return endOf(failure);
  }
  const last = lastSeed ?? Number.POSITIVE_INFINITY;
  if (!stopped || firstSeed + totals.seeds > last) return exitCodes.done;
  stderr.write(
    'stopped before all was run: the worlds above were good, and nothing is known of the others\n',
  );
  return exitCodes.unknown;
}

function describe(result: SeedResult): string {
  const { seed, verdict, traceHash, simulatedMs, events, committed, operations, faults } = result;
  const struck = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  return (
    `seed ${seed}: ${verdict}, hash ${traceHash}, ${(simulatedMs / 1000).toFixed(1)} s, ${events} events, ` +
    `${committed} commits, ${operations.done} done, ${operations.refused} refused, ${operations.unknown} unknown; ` +
    `faults: ${struck.join(', ') || 'none'}`
  );
}

function describeFailure(result: SeedResult, { order }: SimOptions): string {
  return [
    `seed ${result.seed} failed: ${result.property}`,
    result.detail ?? '',
    `the world: ${result.world}`,
    `replay: quorate sim ${flagsOf(order)} --seed ${result.seed} --verbose`,
  ].join('\n');
}
