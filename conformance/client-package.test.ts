import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What loading the client may cost its users. Raising a number is a decision. When these were set it was 1.25 MB in 130
 * files of 3 packages, gRPC's the most of it; of our 400 KB, 280 were the messages of etcd's API.
 */
const budget = { packages: 4, files: 150, bytes: 1_400_000, ownBytes: 440_000 };

/** Prints every module that is loaded for `specifier`, ES modules and CommonJS, and every shared object. */
const probe = (specifier: string): string => `
  import Module, { register } from 'node:module';
  import { MessageChannel } from 'node:worker_threads';
  const { port1, port2 } = new MessageChannel();
  const urls = new Set();
  port1.on('message', (url) => urls.add(url));
  register('data:text/javascript,' + encodeURIComponent(\`
    let port;
    export const initialize = (data) => { port = data.port; };
    export async function load(url, context, next) { port.postMessage(url); return next(url, context); }
  \`), { data: { port: port2 }, transferList: [port2] });
  await import(${JSON.stringify(specifier)});
  await new Promise((resolve) => setTimeout(resolve, 200));
  port1.close();
  const { sharedObjects } = process.report.getReport();
  console.log(JSON.stringify({ urls: [...urls, ...Object.keys(Module._cache)], sharedObjects }));
  process.exit(0);
`;

function loaded(entry: string): { files: string[]; sharedObjects: string[] } {
  const specifier = pathToFileURL(path.join(root, 'dist', entry, 'index.js')).href;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', probe(specifier)], {
    cwd: root,
    encoding: 'utf8',
  });
  const { urls, sharedObjects }: { urls: string[]; sharedObjects: string[] } = JSON.parse(output);
  const files = urls
    .filter((url) => !url.startsWith('node:') && !url.startsWith('data:') && url !== '[eval]')
    .map((url) => (url.startsWith('file:') ? fileURLToPath(url) : url));
  return { files: [...new Set(files)].filter(path.isAbsolute), sharedObjects };
}

const packageOf = (file: string): string | undefined =>
  /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];

test('quorate/client loads nothing native, no server, and not more than it may', () => {
  const { files, sharedObjects } = loaded('client');
  expect(sharedObjects.filter((file) => file.endsWith('.node'))).toEqual([]);
  const own = files.filter((file) => packageOf(file) === undefined).map((file) => path.relative(root, file));
  expect(own).toContain('dist/client/index.js');
  expect(own.filter((file) => !/^dist\/(client|core|api\/etcd\/gen)\//.test(file))).toEqual([]);
  const packages = new Set(files.flatMap((file) => packageOf(file) ?? []));
  const bytes = (list: readonly string[]): number =>
    list.reduce((sum, file) => sum + statSync(path.resolve(root, file)).size, 0);
  const measured = {
    packages: packages.size,
    files: files.length,
    bytes: bytes(files),
    ownBytes: bytes(own),
  };
  for (const [what, most] of Object.entries(budget)) {
    expect(
      measured[what as keyof typeof budget],
      `${what} of ${JSON.stringify(measured)}`,
    ).toBeLessThanOrEqual(most);
  }
});

test('a server does load something native: the check can fail', () => {
  expect(loaded('replica').sharedObjects.some((file) => file.endsWith('.node'))).toBe(true);
});
