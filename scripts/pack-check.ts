import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repositoryRoot } from './tidy/source-files.ts';

/**
 * Checks the package as its users get it: packed, installed in an empty folder, every subpath imported and required,
 * the program run, types and metadata judged by `publint` and `attw`. Packing builds.
 */
function packCheck(folder: string): void {
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync('npm', ['--silent', ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });

  npm(['pack', '--pack-destination', folder], repositoryRoot);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  step(`packed ${tarball}`);

  const home = path.join(folder, 'home');
  mkdirSync(home);
  writeFileSync(path.join(home, 'package.json'), '{"private":true,"type":"module"}\n');
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', path.join(folder, tarball)], home);
  step('installed in an empty folder');

  const names = subpaths();
  for (const [how, load] of [
    ['import', 'await import(name)'],
    ['require', 'createRequire(process.cwd() + "/x.js")(name)'],
  ]) {
    const script = `
      import { createRequire } from 'node:module';
      for (const name of ${JSON.stringify(names)}) {
        try { ${load}; } catch (error) { console.error(name + ': ' + error.message); process.exitCode = 1; }
      }`;
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: home,
      stdio: 'inherit',
    });
    step(`${how} of ${names.length} subpaths`);
  }

  const program = path.join(home, 'node_modules', '.bin', 'quorate');
  const version = execFileSync(program, ['version'], { cwd: home, encoding: 'utf8' });
  if (!/^quorate \d+\.\d+\.\d+/.test(version)) throw new Error(`quorate version said: ${version}`);
  execFileSync(program, ['--help'], { cwd: home });
  step('ran the program');

  const tool = (name: string, args: readonly string[]): void => {
    execFileSync('npx', ['--no-install', name, ...args], { cwd: repositoryRoot, stdio: 'inherit' });
    step(name);
  };
  tool('publint', ['run', '--strict', path.join(folder, tarball)]);
  tool('attw', [path.join(folder, tarball), '--profile', 'esm-only']);
}

/** Every name under which something can be imported; `*` stands for each folder that is there. */
function subpaths(): string[] {
  const manifest: { name: string; exports: Record<string, { default: string }> } = JSON.parse(
    readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'),
  );
  return Object.entries(manifest.exports).flatMap(([subpath, { default: target }]) => {
    const name = path.posix.join(manifest.name, subpath);
    const [before, after] = target.split('*');
    if (before === undefined || after === undefined) return [name];
    return readdirSync(path.join(repositoryRoot, before), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => name.replace('*', entry.name));
  });
}

const step = (what: string): void => {
  process.stdout.write(`ok    ${what}\n`);
};

const folder = mkdtempSync(path.join(tmpdir(), 'quorate-pack-'));
try {
  packCheck(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
