import { describe, expect, it } from 'vitest';
import { type Disk, DiskError, type DiskFile } from '../storage/disk.ts';
import { drawOptions } from './options.ts';
import type { Violation } from './properties.ts';
import { simulateWorld } from './simulate.ts';
import type { WorldParts } from './world.ts';

/** `target` with some of its methods replaced. */
const changed = <T extends object>(target: T, methods: Partial<T>): T =>
  new Proxy(target, {
    get: (_target, key) => {
      if (key in methods) return Reflect.get(methods, key);
      const found: unknown = Reflect.get(target, key, target);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });

/** From the second start on `disk`, one sync says that it failed though it did not. */
function slandered(disk: Disk): Disk {
  let syncs = 0;
  const slander = (file: DiskFile, path: string): DiskFile =>
    changed(file, {
      sync: (callback) => {
        if (++syncs !== 20) return file.sync(callback);
        file.sync(() => callback(new DiskError('io', path, 'a failure that nothing is behind')));
      },
    });
  return changed(disk, {
    open: (path, mode, callback) =>
      disk.open(path, mode, (error, file) => {
        if (error !== undefined) callback(error, undefined);
        else callback(undefined, slander(file, path));
      }),
  });
}

describe('a replica that gives up', () => {
  it('is excused by what its disk did to it, and not by what that did to an earlier life of it', () => {
    const parts = (): Partial<WorldParts> => {
      const used = new Set<Disk>();
      return { throughDisk: (disk) => (used.size < used.add(disk).size ? disk : slandered(disk)) };
    };
    const violations: (Violation | undefined)[] = [];
    for (let seed = 1; seed <= 5; seed++) {
      const options = drawOptions(seed, { faultMs: 5_000, replicas: 3, faults: ['failedSync'] });
      const world = { ...options, maxQuietMs: 300 };
      expect(simulateWorld(world).violation).toBeUndefined();
      violations.push(simulateWorld(world, parts()).violation);
    }
    expect(violations).toContainEqual(
      expect.objectContaining({
        property: 'replicas go on',
        detail: expect.stringContaining('a failure that nothing is behind'),
      }),
    );
  });
});
