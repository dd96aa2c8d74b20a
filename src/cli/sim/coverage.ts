import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';
import { present } from '../../core/assert.ts';

/** Files of a protocol that only tests and simulators load: what they reach says nothing. */
const laboratoryFiles =
  /\/(?:mutants|membership-mutants|altered|model|invariants|cluster-invariants|safety\/[\w-]+)\.[jt]s$/;

/** A piece of a function that never ran. */
export interface Unreached {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  /** The whole function, or what its code begins with. */
  readonly code: string | undefined;
}

export interface Coverage {
  readonly functions: { readonly reached: number; readonly all: number };
  /** Of the characters of functions. */
  readonly share: number;
  readonly unreached: readonly Unreached[];
}

/** Counts what runs of one protocol in this thread, by V8's own counters; to be begun before any of it has run. */
export class CoverageRecorder {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  take(protocol: string): Coverage {
    let scripts: Profiler.ScriptCoverage[] | undefined;
    // Within one process the answer comes before the call returns.
    this.#session.post('Profiler.takePreciseCoverage', (_error, taken) => {
      scripts = taken?.result;
    });
    this.#session.disconnect();
    const own = present(scripts, 'the counters of V8').filter(
      ({ url }) => url.includes(`/protocols/${protocol}/`) && !laboratoryFiles.test(url),
    );
    return summarize(own);
  }
}

function summarize(scripts: readonly Profiler.ScriptCoverage[]): Coverage {
  const unreached: Unreached[] = [];
  const functions = { reached: 0, all: 0 };
  let characters = 0;
  let missed = 0;
  for (const { url, functions: found } of scripts) {
    const source = readFileSync(fileURLToPath(url), 'utf8');
    const file = url.slice(url.lastIndexOf('/') + 1);
    for (const { functionName, ranges } of found) {
      const whole = ranges[0];
      // The module itself has no name, and runs when it is loaded.
      if (whole === undefined || (functionName === '' && whole.startOffset === 0)) continue;
      const name = functionName === '' ? '(without a name)' : functionName;
      const never = ranges.filter(({ count }) => count === 0);
      functions.all++;
      if (whole.count > 0) functions.reached++;
      characters += whole.endOffset - whole.startOffset;
      for (const { startOffset, endOffset } of whole.count === 0 ? [whole] : never) {
        const code = source.slice(startOffset, endOffset).replace(/\s+/g, ' ').trim();
        if (!/\w/.test(code)) continue;
        missed += endOffset - startOffset;
        const line = source.slice(0, startOffset).split('\n').length;
        unreached.push({ file, name, line, code: whole.count === 0 ? undefined : code.slice(0, 90) });
      }
    }
  }
  return { functions, share: characters === 0 ? 0 : 1 - missed / characters, unreached };
}

/** For people. */
export function describeCoverage({ functions, share, unreached }: Coverage): string {
  return [
    `protocol: ${functions.reached} of ${functions.all} functions ran, and ${(100 * share).toFixed(1)} % of their code; never:`,
    ...unreached.map(
      ({ file, line, name, code }) => `  ${file}:${line} ${name}${code === undefined ? '' : `: ${code}`}`,
    ),
  ].join('\n');
}
