import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const bin = fileURLToPath(new URL('../bin/quorate', import.meta.url));

test.each([32, 48])('%i file descriptors are too few, and that is told in one line', (limit) => {
  const limited = ['-c', `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath, bin, 'serve'];
  const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8', timeout: 60_000 });
  expect(stderr).toMatch(/^quorate: there are not enough file descriptors to start: .*\n$/);
  expect(status).toBe(1);
});
