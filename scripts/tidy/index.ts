import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkArrows } from './arrows.ts';
import { checkDocLinks } from './doc-links.ts';
import { checkExports } from './exports.ts';
import { checkPurity } from './purity.ts';
import { checkLengths, checkMarkers } from './shape.ts';
import { type Finding, repositoryRoot, type SourceFile } from './source-files.ts';

export { type Finding, type SourceFile, sourceFiles } from './source-files.ts';

export interface Rule {
  readonly name: string;
  check(files: readonly SourceFile[]): Finding[];
}

const isThere = (file: string): boolean => existsSync(path.join(repositoryRoot, file));

/** What no linter knows, because it is about this house. */
export const rules: readonly Rule[] = [
  { name: 'arrows', check: checkArrows },
  { name: 'purity', check: checkPurity },
  { name: 'lengths', check: checkLengths },
  { name: 'markers', check: checkMarkers },
  { name: 'links in documents', check: (files) => checkDocLinks(files, isThere) },
  { name: 'exports', check: checkExports },
];

export const describe = (finding: Finding): string => `${finding.path}:${finding.line}: ${finding.message}`;
