import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Programs of others that tests run against ours, and the Debian package that each comes with. */
const packages = {
  etcdctl: 'etcd-client',
  etcd: 'etcd-server',
  h2load: 'nghttp2-client',
  curl: 'curl',
  openssl: 'openssl',
} as const;

export type ForeignProgram = keyof typeof packages;

/**
 * Where a foreign program is; undefined when it is not here and cannot be installed, which is said in one line. As root
 * on Debian it is installed. With `CI=true` a missing one is an error: there every test runs.
 */
export function foreignProgram(name: ForeignProgram): string | undefined {
  const found = onPath(name) ?? install(name);
  if (found !== undefined) return found;
  const how = `${name} is missing; get it with "apt install ${packages[name]}"`;
  if (process.env['CI'] === 'true') throw new Error(`CI runs every test, but ${how}`);
  process.stderr.write(`left out: tests with ${name}, because ${how}\n`);
  return undefined;
}

/**
 * Debian's Python with a module of the package; undefined, said in one line, when it is not here and cannot be installed.
 * Other Pythons on the path know nothing of Debian's packages.
 */
export function pythonWith(module: string, debianPackage: string): string | undefined {
  const python = '/usr/bin/python3';
  const has = (): boolean => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;
  if (has()) return python;
  installPackage(debianPackage);
  if (has()) return python;
  process.stderr.write(
    `left out: tests with Python's ${module}; get it with "apt install ${debianPackage}"\n`,
  );
  return undefined;
}

function onPath(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  return directories.map((directory) => path.join(directory, name)).find((file) => existsSync(file));
}

function install(name: ForeignProgram): string | undefined {
  return installPackage(packages[name]) ? onPath(name) : undefined;
}

function installPackage(debianPackage: string): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return false;
  // Test files run side by side: whoever comes second waits for the first one's lock.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const update = spawnSync('apt-get', [...wait, '-qq', 'update'], { env, stdio: 'ignore' });
  if (update.status !== 0) return false;
  const how = ['-qq', 'install', '--yes', '--no-install-recommends', debianPackage];
  return spawnSync('apt-get', [...wait, ...how], { env, stdio: 'ignore' }).status === 0;
}
