import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface SourceFile {
  /** Relative to the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** A broken rule, where it is broken, and what to do instead. */
export interface Finding {
  readonly path: string;
  /** Counts from 1. */
  readonly line: number;
  readonly message: string;
}

export const repositoryRoot = path.resolve(import.meta.dirname, '../..');

const textEndings = ['.ts', '.md', '.json', '.yaml', '.yml', '.proto', '.txt', '.sh'];

/** Every text file that is, or could be, committed. */
export function sourceFiles(): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  return listed
    .split('\0')
    .filter((file) => textEndings.some((ending) => file.endsWith(ending)) && file !== 'package-lock.json')
    .filter((file) => existsSync(path.join(repositoryRoot, file)))
    .map((file) => ({ path: file, text: readFileSync(path.join(repositoryRoot, file), 'utf8') }));
}

export const isTypeScript = (file: SourceFile): boolean => file.path.endsWith('.ts');
export const isTest = (file: SourceFile): boolean => file.path.endsWith('.test.ts');
export const isGenerated = (file: SourceFile): boolean => file.path.split('/').includes('gen');

/** The line of a position in a text, counted from 1. */
export const lineOf = (text: string, position: number): number => text.slice(0, position).split('\n').length;
