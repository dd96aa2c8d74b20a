import path from 'node:path';
import { codeText } from './code-text.ts';
import { lineOf, type SourceFile } from './source-files.ts';

export interface Import {
  readonly specifier: string;
  /** The imported file, relative to the root; undefined for packages and Node's own modules. */
  readonly target: string | undefined;
  /** Erased when built: no module is loaded for it. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Matched against code whose strings are blank, so that a string that holds an import is none. */
const statement =
  /\b(?:import|export)\s+(type\s+)?(?:[\w$*\s{},]+?\s+from\s+)?(['"])( *)\2|\bimport\(\s*(['"])( *)\4/dg;

export function importsOf(file: SourceFile): Import[] {
  const code = codeText(file.text);
  return [...code.matchAll(statement)].map((match) => {
    const [start, end] = match.indices?.[3] ?? match.indices?.[5] ?? [0, 0];
    const specifier = file.text.slice(start, end);
    const target = specifier.startsWith('.')
      ? path.posix.normalize(path.posix.join(path.posix.dirname(file.path), specifier))
      : undefined;
    return { specifier, target, typeOnly: match[1] !== undefined, line: lineOf(code, match.index) };
  });
}
