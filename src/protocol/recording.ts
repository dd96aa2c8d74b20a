import { fromHex, hex } from '../core/bytes.ts';
import { type Millis, millis, nodeId } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import type { Effect, Input, Protocol } from './contract.ts';
import type { ProtocolDefinition, ProtocolOptions } from './definition.ts';

/**
 * What a replica's protocol was made with, took in and gave out, as lines of JSON: the first says what it was made with, each
 * other one is a step. Since a protocol is a function of these inputs, the same lines come out when they are fed to it
 * again, anywhere: a recorded run can be looked into as often as it takes.
 */
const recordingFormat = 1;

interface RecordedStart {
  readonly format: typeof recordingFormat;
  readonly protocol: string;
  readonly formatVersion: number;
  readonly self: number;
  /** The state of the protocol's stream of randomness. */
  readonly random: readonly number[];
  readonly options: Omit<ProtocolOptions, 'self' | 'random'>;
}

/** The first line. To be called before the protocol draws anything. */
export function recordStart(
  definition: Pick<ProtocolDefinition, 'name' | 'formatVersion'>,
  { self, random, ...options }: ProtocolOptions,
): string {
  const start: RecordedStart = {
    format: recordingFormat,
    protocol: definition.name,
    formatVersion: definition.formatVersion,
    self,
    random: random.words(),
    options,
  };
  return JSON.stringify(start);
}

export const recordStep = (now: Millis, inputs: readonly Input[], effects: readonly Effect[]): string =>
  JSON.stringify({ now, inputs, effects }, encodeBytes);

/** What does not follow from the recording. */
export type Difference =
  | { readonly type: 'effects'; readonly recorded: string; readonly replayed: string }
  | { readonly type: 'failure'; readonly error: unknown };

/** A protocol that lives through a recording. */
export class Replay {
  readonly #protocol: Protocol;

  private constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  /** From the first line; a text says why that cannot be replayed here. */
  static from(line: string, find: (name: string) => ProtocolDefinition | undefined): Replay | string {
    const start = parse(line) as Partial<RecordedStart> | undefined;
    if (start?.format !== recordingFormat || start.random === undefined || start.self === undefined)
      return 'it does not begin like a recording of this version';
    const definition = find(start.protocol ?? '');
    if (definition === undefined) return `there is no protocol ${start.protocol}`;
    if (definition.formatVersion !== start.formatVersion)
      return `it is of version ${start.formatVersion} of ${definition.name}, and this is ${definition.formatVersion}`;
    const { self, random, options } = start as RecordedStart;
    try {
      return new Replay(
        definition.create({ ...options, self: nodeId(self), random: Random.fromWords(random) }),
      );
    } catch (error) {
      return `its first line is damaged (${error instanceof Error ? error.message : error})`;
    }
  }

  get protocol(): Protocol {
    return this.#protocol;
  }

  /** One line; undefined when what comes out is what came out then, byte by byte. */
  step(line: string): Difference | undefined {
    const { now, inputs } = (parse(line) ?? {}) as { now?: unknown; inputs?: Input[] };
    if (typeof now !== 'number' || !Array.isArray(inputs)) {
      return { type: 'failure', error: new Error('it is not a step: a time and inputs') };
    }
    try {
      const effects = this.#protocol.step(millis(now), inputs);
      const replayed = recordStep(millis(now), inputs, effects);
      this.#protocol.checkInvariants();
      return replayed === line ? undefined : { type: 'effects', recorded: line, replayed };
    } catch (error) {
      return { type: 'failure', error };
    }
  }
}

/** Whether a line is whole: the last one of a process that was killed may not be. */
export const isWhole = (line: string): boolean => parse(line) !== undefined;

function parse(line: string): unknown {
  try {
    return JSON.parse(line, decodeBytes);
  } catch {
    return undefined;
  }
}

/** Bytes as `{"$bytes":"00ff"}`. Those of a host may be of a kind that writes itself: what counts is what it was before. */
function encodeBytes(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const before = this[key];
  return before instanceof Uint8Array ? { $bytes: hex(before) } : value;
}

function decodeBytes(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value;
  return typeof value.$bytes === 'string' ? fromHex(value.$bytes) : value;
}
