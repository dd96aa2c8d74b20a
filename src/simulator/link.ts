import type { Random } from '../core/random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** What every link of a world is like. Chances are per thousand. */
export interface LinkConditions {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Chance that a chunk takes ten times as long. */
  readonly slow: number;
  /** What happens to whole protocol frames, which a byte stream alone would never lose, double or swap. */
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** How late a frame that is doubled or reordered comes at most, in milliseconds. */
  readonly maxLateMs: number;
  /** Chance that a write is cut into several chunks. */
  readonly splitting: number;
}

/** A part of what was written at once. */
export interface WrittenPart {
  /** True for a message of the protocol: only these are lost, doubled and reordered. */
  readonly message: boolean;
  readonly bytes: Uint8Array;
}

export interface SimulatedNetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly conditions: LinkConditions;
  /** Takes what was written at once apart. */
  readonly split: (written: Uint8Array) => readonly WrittenPart[];
}

/** What the two ends of a connection ask of the network between them. */
export interface Wire {
  readonly options: SimulatedNetworkOptions;
  readonly conditions: LinkConditions;
  /** True when bytes from one host do not reach the other at present. */
  isCut(from: string, to: string): boolean;
  /** How long the next chunk from one host to another travels, in milliseconds. */
  drawDelay(from: string, to: string): number;
}
