import { readFileSync } from 'node:fs';
import { usageFailure } from '../exit-codes.ts';
import type { Configuration } from './configuration.ts';
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
    throw usageFailure(`${place}: ${path} cannot be read: ${(error as Error).message}.`);
  }
  if (!content.includes('-----BEGIN ')) throw usageFailure(`${place}: ${path} is not a PEM file.`);
  return content;
}
