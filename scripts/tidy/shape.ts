import { type Finding, isGenerated, isTest, isTypeScript, lineOf, type SourceFile } from './source-files.ts';

const maxLines = 400;
const maxTestLines = 600;

/** A file fits in the head. */
export function checkLengths(files: readonly SourceFile[]): Finding[] {
  return files
    .filter((file) => isTypeScript(file) && !isGenerated(file))
    .flatMap((file) => {
      const lines = file.text.trimEnd().split('\n').length;
      const limit = isTest(file) ? maxTestLines : maxLines;
      if (lines <= limit) return [];
      const message = `${lines} lines, ${limit} are allowed: divide it by duty`;
      return [{ path: file.path, line: limit + 1, message }];
    });
}

// Written so that this file does not break its own rule.
const markers = /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g;

/** Work that is left is written down where it is planned, not in what is shipped. */
export function checkMarkers(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) =>
    [...file.text.matchAll(markers)].map((match) => ({
      path: file.path,
      line: lineOf(file.text, match.index),
      message: `${match[0]}: do it, or open an issue`,
    })),
  );
}
