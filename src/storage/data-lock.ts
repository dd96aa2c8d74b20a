import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from './node-disk.ts';

/** Someone else uses the data directory. Two replicas over one directory would promise against each other. */
export class DataDirectoryLocked extends Error {
  override readonly name = 'DataDirectoryLocked';
  readonly code = 'DATA_DIRECTORY_LOCKED';
  readonly directory: string;
  /** The process that holds it. */
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(
      `The data directory ${directory} is in use by the process ${pid}, or is a copy of one that is: its lock names that ` +
        'process, which runs. Nothing was changed. Stop that process first, or give this replica a data directory of its ' +
        'own. A copy must never be started: it forgets what it promises after it was made.',
    );
    this.directory = directory;
    this.pid = pid;
  }
}

export interface DataLock {
  /** The file that stands for the lock. */
  readonly path: string;
  /** Harmless when repeated. */
  release(): Promise<void>;
}

/** Who holds a lock. A pid is used again after its process has gone, so it counts only with the process's start. */
interface Holder {
  readonly pid: number;
  /** Clock ticks since the machine started; absent where there is no /proc. */
  readonly started?: string;
  readonly boot?: string;
  /** Tells this lock from every other. */
  readonly nonce: string;
}

/**
 * Takes `directory`, which must exist, for this process alone; a lock whose process is gone is taken over. Processes
 * that cannot see one another (containers that share a volume) are not kept apart. Rejects with `DataDirectoryLocked`,
 * or with a `DiskError`.
 */
export async function acquireDataLock(directory: string): Promise<DataLock> {
  const holder = await thisProcess();
  const path = join(directory, 'lock');
  const own = `${path}.${holder.nonce}`;
  try {
    await writeFile(own, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 });
    await take(directory, path, own);
  } catch (error) {
    if (error instanceof Error && codeOf(error)?.startsWith('E')) throw diskError(error, path);
    throw error;
  } finally {
    await rm(own, { force: true });
  }
  return { path, release: () => release(path, holder) };
}

/**
 * Puts our file under the name `path`. A stale lock is replaced only by who holds the lock on replacing that very one,
 * because between finding it stale and replacing it another process may have done so.
 */
async function take(directory: string, path: string, own: string): Promise<void> {
  while (!(await linked(own, path))) {
    const held = await readHolder(path);
    if (held === undefined) continue;
    if (await isAlive(held)) throw new DataDirectoryLocked(directory, held.pid);
    const takeover = `${path}.takeover.${held.nonce}`;
    await take(directory, takeover, own);
    try {
      if ((await readHolder(path))?.nonce !== held.nonce) continue;
      const next = `${own}.next`;
      await linked(own, next);
      await rename(next, path);
      return;
    } finally {
      await unlink(takeover);
    }
  }
}

/** False when the name is taken. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when the file has gone meanwhile. A file that says nothing legible is a lock that nobody holds. */
async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const illegible: Holder = { pid: 0, nonce: 'illegible' };
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : illegible;
  } catch {
    return illegible;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, started, boot, nonce } = value as Record<keyof Holder, unknown>;
  const optional = [started, boot].every((field) => field === undefined || typeof field === 'string');
  return Number.isSafeInteger(pid) && optional && typeof nonce === 'string' && /^[\w-]+$/.test(nonce);
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (holder.pid <= 0) return false;
  const boot = await bootId();
  if (holder.boot !== undefined && boot !== undefined && holder.boot !== boot) return false;
  const started = await startOf(holder.pid);
  if (holder.started !== undefined && boot !== undefined) return started === holder.started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

async function thisProcess(): Promise<Holder> {
  const [started, boot] = [await startOf(process.pid), await bootId()];
  return {
    pid: process.pid,
    ...(started === undefined ? {} : { started }),
    ...(boot === undefined ? {} : { boot }),
    nonce: randomUUID(),
  };
}

/** When a running process started; undefined when there is none with that pid, or no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may hold anything; behind it the state is field 3 and the start is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const gone = fields[0] === 'Z' || fields[0] === 'X';
    return gone ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return undefined;
  }
}

async function release(path: string, holder: Holder): Promise<void> {
  if ((await readHolder(path))?.nonce === holder.nonce) await rm(path, { force: true });
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
