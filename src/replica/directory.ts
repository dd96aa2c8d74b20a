import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { acquireDataLock, DataDirectoryLocked, type DataLock } from '../storage/data-lock.ts';
import { ReplicaError } from './replica-error.ts';

/** Makes a data directory unless it is there, durably, and takes it for this process alone. */
export async function takeDirectory(path: string): Promise<DataLock> {
  await makeDirectory(path);
  return lockDirectory(path);
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // The directory's own name must survive a power cut too, or it would come back as another, empty one.
    const parent = await open(dirname(resolve(path)), 'r');
    await parent.sync().finally(() => parent.close());
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ReplicaError('DISK', `The data directory ${path} cannot be made: ${message}`, { cause: error });
  }
}

async function lockDirectory(path: string): Promise<DataLock> {
  try {
    return await acquireDataLock(path);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof DataDirectoryLocked) throw new ReplicaError('LOCKED', message, { cause: error });
    throw new ReplicaError('DISK', `The data directory ${path} cannot be written: ${message}`, {
      cause: error,
    });
  }
}
