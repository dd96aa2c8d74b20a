import { protocols } from '../../protocols/registry.ts';
import { mutantsOf, type WorldOverrides } from '../../simulator/index.ts';
import { usageFailure } from '../exit-codes.ts';
import { faultsOf } from './fault-list.ts';

/** What one world needs to be the same again: plain data, so that it can be sent to a thread. */
export interface WorldOrder {
  readonly overrides: WorldOverrides;
  readonly mutant: string | undefined;
}

export interface SimOptions {
  readonly order: WorldOrder & { readonly overrides: { readonly protocol: string } };
  readonly firstSeed: number;
  /** Undefined: on until the time is over. */
  readonly lastSeed: number | undefined;
  /** Real minutes. */
  readonly minutes: number | undefined;
  readonly threads: number;
  readonly json: boolean;
  readonly verbose: boolean;
  /** Where to write what is left of a failing seed. */
  readonly shrink: string | undefined;
  /** Tell which code of the protocol ran. */
  readonly coverage: boolean;
}

/** Flags as they were typed. */
export interface SimFlags {
  readonly protocol: string;
  readonly seed?: string;
  readonly seeds?: string;
  readonly minutes?: string;
  readonly replicas?: string;
  readonly seconds?: string;
  readonly faults?: string;
  readonly unlimited?: boolean;
  readonly mutant?: string;
  readonly threads?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly shrink?: string;
  readonly coverage?: boolean;
}

/** Throws a usage failure that says what would have been right. */
export function simOptions(flags: SimFlags, defaultThreads: number): SimOptions {
  if (!protocols.has(flags.protocol)) {
    throw usageFailure(`--protocol ${flags.protocol}: not one of ${[...protocols.keys()].join(', ')}.`);
  }
  if (flags.seeds !== undefined && (flags.seed !== undefined || flags.minutes !== undefined)) {
    throw usageFailure('--seeds says what to run; --seed and --minutes go with each other, not with it.');
  }
  if (flags.shrink === '') throw usageFailure('--shrink is empty: it takes a directory to write to.');
  const [firstSeed, last] = seedsOf(flags);
  if (flags.verbose === true && (flags.minutes !== undefined || last > firstSeed)) {
    throw usageFailure(
      '--verbose prints every event of one world: --seed says which, without --seeds or --minutes.',
    );
  }
  if (flags.verbose === true && flags.json === true) {
    throw usageFailure('--verbose prints lines for people, --json objects for programs: one of them.');
  }
  const minutes = flags.minutes === undefined ? undefined : number('--minutes', flags.minutes, 0.01, 10_000);
  const overrides: { -readonly [Key in keyof WorldOverrides]: WorldOverrides[Key] } & { protocol: string } = {
    protocol: flags.protocol,
  };
  if (flags.replicas !== undefined) overrides.replicas = whole('--replicas', flags.replicas, 1, 9);
  if (flags.seconds !== undefined) overrides.faultMs = 1000 * number('--seconds', flags.seconds, 0.1, 3_600);
  if (flags.faults !== undefined)
    overrides.faults = faultsOf(flags.faults, flags.unlimited === true, overrides.replicas);
  if (flags.unlimited === true) overrides.unlimited = true;
  return {
    order: { overrides, mutant: knownMutant(flags.protocol, flags.mutant) },
    firstSeed,
    lastSeed: minutes === undefined ? last : undefined,
    minutes,
    threads: flags.threads === undefined ? defaultThreads : whole('--threads', flags.threads, 1, 64),
    json: flags.json === true,
    verbose: flags.verbose === true,
    shrink: flags.shrink,
    coverage: flags.coverage === true,
  };
}

/** The flags that make `order` again, for the line that says how to replay it. */
export function flagsOf({ overrides, mutant }: WorldOrder): string {
  const { protocol, replicas, faultMs, faults, unlimited } = overrides;
  return [
    `--protocol ${protocol ?? 'raft'}`,
    replicas === undefined ? '' : ` --replicas ${replicas}`,
    faultMs === undefined ? '' : ` --seconds ${faultMs / 1000}`,
    faults === undefined ? '' : ` --faults ${faults.join(',') || 'none'}`,
    unlimited === true ? ' --unlimited' : '',
    mutant === undefined ? '' : ` --mutant ${mutant}`,
  ].join('');
}

function seedsOf({ seed, seeds }: SimFlags): [first: number, last: number] {
  if (seeds !== undefined) {
    const range = /^(\d{1,15})\.\.(\d{1,15})$/.exec(seeds);
    const [first, last] = [Number(range?.[1]), Number(range?.[2])];
    if (range === null || last < first) {
      throw usageFailure(`--seeds ${seeds}: two numbers, the smaller one first, as in 1..200.`);
    }
    return [first, last];
  }
  const first = seed === undefined ? 0 : seedOf(seed);
  return [first, first];
}

/** A number, or the hash of a commit: so that every commit is tried with seeds of its own that can be had again. */
function seedOf(seed: string): number {
  if (/^\d{1,15}$/.test(seed)) return Number(seed);
  if (/^[0-9a-f]{40}$/.test(seed)) return Number.parseInt(seed.slice(0, 12), 16);
  throw usageFailure(`--seed ${seed}: a number of at most 15 digits, or the 40 digits of a commit.`);
}

function knownMutant(protocol: string, name: string | undefined): string | undefined {
  const names = mutantsOf(protocol).map((mutant) => mutant.name);
  if (name === undefined || names.includes(name)) return name;
  throw usageFailure(`--mutant ${name}: not one of ${names.join(', ')}.`);
}

function number(flag: string, text: string, low: number, high: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw usageFailure(`${flag} ${text}: a number from ${low} to ${high}.`);
}

function whole(flag: string, text: string, low: number, high: number): number {
  const value = number(flag, text, low, high);
  if (Number.isInteger(value)) return value;
  throw usageFailure(`${flag} ${text}: a whole number.`);
}
