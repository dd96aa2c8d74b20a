import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { CommandFailure, usageFailure } from '../exit-codes.ts';
import type { Configuration } from './configuration.ts';
import { fileProblem } from './file-problem.ts';
import type { Setting } from './settings.ts';

/** The content of the PEM file that a setting names; undefined when it names none. */
export function readPem(configuration: Configuration, setting: Setting<string>): Uint8Array | undefined {
  const path = configuration.optional(setting);
  if (path === undefined) return undefined;
  const place = configuration.located(setting)?.place ?? setting.name;
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw usageFailure(`${place}: ${path} cannot be read: ${fileProblem(error)}.`);
  }
  if (!content.includes('-----BEGIN ')) throw usageFailure(`${place}: ${path} is not a PEM file.`);
  return content;
}

interface PemFiles {
  readonly ca: Uint8Array | undefined;
  readonly cert: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

/** PEM that is damaged, or a key that belongs to another certificate, is a usage failure; `flags` names where it came from. */
export function requireUsable({ ca, cert, key }: PemFiles, flags: string): void {
  const pem = (bytes: Uint8Array | undefined): Buffer | undefined => bytes && Buffer.from(bytes);
  try {
    createSecureContext({ ca: pem(ca), cert: pem(cert), key: pem(key) });
  } catch (error) {
    const reason = (error as Error).message.replace(/^error:[0-9A-F]+:[^:]*::/, '');
    throw usageFailure(
      `${flags} cannot be used (${reason}): each must be PEM, and the key must be the certificate's. Nothing was done.`,
    );
  }
}

/** A file that is not there, or cannot be read, is a usage failure. */
export async function requireReadable(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    const isDirectory = (await file.stat().finally(() => file.close())).isDirectory();
    if (isDirectory) throw usageFailure(`${path} cannot be read: it is a directory. Nothing was done.`);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usageFailure(`${path} cannot be read: ${fileProblem(error)}. Nothing was done.`);
  }
}
