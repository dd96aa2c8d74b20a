import { readFileSync } from 'node:fs';

/** Of this package; `package.json` is as far from the sources as from what is built. */
export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const version =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'version') : undefined;
  return typeof version === 'string' ? version : 'unknown';
}

export const versionLine = (): string => `quorate ${packageVersion()} (Node.js ${process.versions.node})`;
