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
  /** Chance that a write is cut into several chunks. */
  readonly splitting: number;
}

/** A whole frame of the byte stream, or bytes that cannot be taken apart (kind undefined). */
export interface SplitFrame {
  /** True for messages of the protocol: only these are lost, doubled and reordered. */
  readonly message: boolean;
  readonly bytes: Uint8Array;
}

export type FrameSplitter = (chunk: Uint8Array) => readonly SplitFrame[];

export interface SimulatedNetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly conditions: LinkConditions;
  /** Finds the frames of one direction of one connection. */
  readonly splitter: () => FrameSplitter;
}

/** What the two ends of a connection ask of the network between them. */
export interface Wire {
  readonly options: SimulatedNetworkOptions;
  readonly conditions: LinkConditions;
  /** True when bytes from one host do not reach the other at present. */
  isCut(from: string, to: string): boolean;
  /** How long the next chunk travels, in milliseconds. */
  drawDelay(): number;
}
