import { describe, expect, it } from 'vitest';
import { type Disk, DiskError, type DiskFile } from '../storage/disk.ts';
import { encodeFrames, frameHeaderBytes, frameKinds } from '../transport/framing.ts';
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from '../transport/handshake.ts';
import type { Connection, Network } from '../transport/network.ts';
import { drawOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';
import type { Violation } from './violation.ts';
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

/** Greetings tell neither the data directory nor which start of it this is. */
function faceless(bytes: Uint8Array): Uint8Array[] {
  const payload = bytes.subarray(frameHeaderBytes);
  const hidden = { storageId: new Uint8Array(16), incarnation: 0 };
  const kind = bytes[4];
  if (kind === frameKinds.hello) {
    const greeting = decodeHello(payload);
    if ('type' in greeting) return [bytes];
    return encodeFrames([{ kind, payload: encodeHello({ ...greeting.hello, ...hidden }) }]);
  }
  const welcome = kind === frameKinds.welcome ? decodeWelcome(payload) : undefined;
  if (kind === undefined || welcome === undefined || 'type' in welcome) return [bytes];
  return encodeFrames([{ kind, payload: encodeWelcome({ ...welcome, ...hidden }) }]);
}

function incognito(network: Network): Network {
  const veiled = (connection: Connection): Connection => {
    const write = connection.write.bind(connection);
    let first = true;
    connection.write = (parts) => {
      const [greeting] = parts;
      if (!first || greeting === undefined) return write(parts);
      first = false;
      return write(faceless(greeting));
    };
    return connection;
  };
  return {
    listen: (address, onConnection, callback) =>
      network.listen(address, (connection) => onConnection(veiled(connection)), callback),
    connect: (address, handlers) => veiled(network.connect(address, handlers)),
  };
}

describe('a replica whose disk was lost', () => {
  it('is noticed when it takes part again', () => {
    const options = drawOptions(1, { faultMs: 3_000, replicas: 3, faults: ['lostDisk'] });
    const world = { ...options, maxQuietMs: 300 };
    expect(simulateWorld(world).violation).toBeUndefined();
    expect(simulateWorld(world, { throughNetwork: incognito }).violation).toMatchObject({
      type: 'wrong',
      property: 'lost disks never come back',
    });
  });
});

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

  it('because its disk is full when it begins is excused, and starts again until there is room', () => {
    for (const seed of [1001, 2010]) {
      const report = simulateWorld(drawOptions(seed, { faultMs: 2_000, replicas: 3, faults: ['fullDisk'] }));
      expect(report.violation).toBeUndefined();
      expect(report.faults.get('fullDisk')).toBeGreaterThan(0);
      expect(report.operations.done).toBeGreaterThan(0);
    }
  });
});
