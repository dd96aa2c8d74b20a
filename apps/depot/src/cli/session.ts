import { constants } from 'node:fs';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface Output {
  readonly isTTY?: boolean;
  write(chunk: string): unknown;
}

/** What a command takes from the process that it runs in. */
export interface Session {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Paths are relative to this directory. */
  readonly directory: string;
}

/** 0: done; 1: refused or failed; 2: wrong usage, nothing was tried. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a message for people: what happened and what to do next. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly code = 'COMMAND_FAILURE';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const failure = (message: string): CommandFailure => new CommandFailure(exitCodes.failed, message);

export const usage = (message: string): CommandFailure => new CommandFailure(exitCodes.usage, message);

export async function readText(session: Session, path: string): Promise<string> {
  try {
    // Spreadsheets and editors of Windows put a byte order mark before the text.
    return (await readFile(resolve(session.directory, path), 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    throw failure(`${path} cannot be read: ${reason(error)}.`);
  }
}

export async function readJson(session: Session, path: string): Promise<unknown> {
  const content = await readText(session, path);
  try {
    return JSON.parse(content);
  } catch (error) {
    throw failure(`${path} is not JSON: ${reason(error)}.`);
  }
}

/** Node's own recursive mkdir never settles where a file system refuses new entries as if their parents were missing. */
async function makeDirectory(path: string): Promise<void> {
  const made = await mkdir(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  if (made === undefined) return;
  if (made.code === 'EEXIST' && (await stat(path)).isDirectory()) return;
  const parent = dirname(path);
  const parentExists = await stat(parent).then(
    () => true,
    () => false,
  );
  if (made.code !== 'ENOENT' || parentExists || parent === path) throw made;
  await makeDirectory(parent);
  await mkdir(path);
}

/** Makes a directory for figures before the work that they are to show, which may take minutes. */
export async function prepareDirectory(session: Session, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const target = resolve(session.directory, path);
  try {
    await makeDirectory(target);
    await access(target, constants.W_OK);
  } catch (error) {
    throw failure(`Figures cannot be written into ${path}: ${reason(error)}. Nothing was done.`);
  }
}

/** Writes a file, and the directories above it where they are missing. */
export async function writeText(session: Session, path: string, content: string): Promise<void> {
  const target = resolve(session.directory, path);
  try {
    await makeDirectory(dirname(target));
    await writeFile(target, content);
  } catch (error) {
    throw failure(`${path} cannot be written: ${reason(error)}.`);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
