import { closeSync, openSync, writeSync } from 'node:fs';
import { recordStart, recordStep } from '../../protocol/index.ts';
import type { ReplicaObserver } from '../../replica/index.ts';
import { fileProblem } from '../config/file-problem.ts';
import { refusedFailure } from '../exit-codes.ts';

/**
 * Writes down what the protocol takes in and gives out, a line for each step, as it happens: what a process that is killed
 * has recorded is in the file.
 */
export class Recorder {
  readonly #stopped: (error: unknown) => void;
  #file: number | undefined;

  /** `file` must not be there yet; `stopped` is called when it cannot be written any more. */
  constructor(file: string, stopped: (error: unknown) => void) {
    this.#stopped = stopped;
    try {
      this.#file = openSync(file, 'wx', 0o600);
    } catch (error) {
      throw refusedFailure(
        `--record: ${file} cannot be made: ${fileProblem(error)}: name a file that does not exist, in a directory that does. Nothing was started.`,
      );
    }
  }

  readonly observer: Required<Pick<ReplicaObserver, 'protocolMade' | 'stepped'>> = {
    protocolMade: (definition, options) => this.#write(recordStart(definition, options)),
    stepped: (now, inputs, effects) => this.#write(recordStep(now, inputs, effects)),
  };

  /** A recording is not worth a replica: without room it ends, and the replica goes on. */
  #write(line: string): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, `${line}\n`);
    } catch (error) {
      closeSync(this.#file);
      this.#file = undefined;
      this.#stopped(error);
    }
  }
}
