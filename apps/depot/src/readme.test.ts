import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const directory = fileURLToPath(new URL('..', import.meta.url));
const samples = readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(
  /^```ts\n(.*?)^```/gms,
);

test.each([...samples].map(([, code = '']) => [code]))('a sample of the README runs', async (code) => {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory });
  expect(stdout).toMatch(/^\d+ vehicles, 0 of them lack energy\n$/);
});
