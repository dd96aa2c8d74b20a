import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The first TypeScript sample of a page. */
function sampleOf(page: string): string {
  const sample = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, page), 'utf8'))?.[1];
  if (sample === undefined) throw new Error(`${page} has no sample`);
  return sample;
}

it('the ten lines of docs/embedding.md run as they stand, against the built package', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-sample-'));
  // Within the package, so that `quorate/replica` is the package itself.
  const file = join(root, '.tmp', 'docs-samples', 'embedding.ts');
  mkdirSync(join(root, '.tmp', 'docs-samples'), { recursive: true });
  writeFileSync(file, sampleOf('docs/embedding.md'));
  try {
    const tsx = join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, file], {
      cwd: directory,
    });
    expect(stdout).toBe('5\n5\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
