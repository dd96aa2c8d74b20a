import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyOperation, keys, read } from '../../test/support/key-requests.ts';
import { MapStore } from '../../test/support/map-store.ts';
import { hex } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import type { Store } from '../core/store.ts';
import { type Base, votersOnly } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback, DiskError } from '../storage/disk.ts';
import { LmdbBackend } from '../storage/lmdb-backend.ts';
import { MemoryBackend } from '../storage/memory-backend.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import {
  type Envelope,
  encodeCommand,
  encodeEnvelope,
  type KeyCommand,
  keySpace,
  machineView,
  Replicated,
  range,
} from './index.ts';

const outcome = <T>(start: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    const callback = (error: DiskError | undefined, value?: T): void =>
      error === undefined ? resolve(value as T) : reject(error);
    start(callback as Callback<T>);
  });

const baseAt = (at: number): Base => ({
  position: { index: index(at), epoch: epoch(1), time: clusterTime(200 * at) },
  configuration: votersOnly([
    { id: nodeId(1), name: 'n1', address: 'h:1', storageId: new Uint8Array(0), publicKey: new Uint8Array(0) },
  ]),
});

/** Applies `envelopes` as the entries from 1 on, one position after each, flushing now and then. */
async function run(backend: StoreBackend, envelopes: readonly Envelope[]): Promise<void> {
  const replicated = new Replicated(keySpace);
  for (const [at, envelope] of envelopes.entries()) {
    const base = baseAt(at + 1);
    replicated.apply(encodeEnvelope(envelope), { ...base.position, removed: [] }, backend.store);
    backend.applied(base);
    if (at % 7 === 6) await outcome<Base>((callback) => backend.flush(callback));
  }
}

function contents(store: Store): string[] {
  const everything = store.scan({ from: new Uint8Array(0), to: undefined });
  return [...everything].map(([key, value]) => `${hex(key)}=${hex(value)}`);
}

const session = { opener: nodeId(1), incarnation: 1 };

const lease = fc.constantFrom(7n, -9n);
/** What is not about keys. Entries are 200 ms apart. */
const control: fc.Arbitrary<KeyCommand> = fc.oneof(
  fc.record({ type: fc.constant('compact' as const), revision: fc.bigInt({ min: 1n, max: 20n }) }),
  fc.constantFrom({ type: 'sweep' as const }, { type: 'leaseTerm' as const }),
  fc.record({ type: fc.constant('grant' as const), lease, ttl: fc.constant(1) }),
  fc.record({ type: fc.constant('revoke' as const), lease }),
  fc.record({ type: fc.constant('renew' as const), leases: fc.array(lease, { maxLength: 2 }) }),
  fc.constant({ type: 'expire' as const, epoch: epoch(1), until: clusterTime(100_000) }),
  fc.constant({ type: 'alarm' as const, action: 'activate' as const, member: 0n, alarm: 'noSpace' as const }),
  fc.constant({
    type: 'alarm' as const,
    action: 'deactivate' as const,
    member: 0n,
    alarm: 'noSpace' as const,
  }),
);
const leased = anyOperation.map((operation) =>
  operation.type === 'put' && !operation.ignoreLease ? { ...operation, lease: 7n } : operation,
);
const anyCommand = fc.oneof(
  { weight: 3, arbitrary: anyOperation },
  { weight: 2, arbitrary: leased },
  { weight: 2, arbitrary: control },
);

/** Commands as a replica sends them: numbered, now and then repeated. */
const programs = fc
  .array(fc.record({ operation: anyCommand, repeated: fc.boolean() }), { minLength: 10, maxLength: 60 })
  .map((steps): Envelope[] => {
    const envelopes: Envelope[] = [{ type: 'openSession', session }];
    for (const [at, { operation, repeated }] of steps.entries()) {
      if (operation.type === 'range') continue;
      const sequence = at + 1;
      const acknowledgedBelow = Math.max(1, sequence - 5);
      const command = encodeCommand(operation);
      const envelope = { type: 'command', session, sequence, acknowledgedBelow, command } as const;
      envelopes.push(envelope);
      if (repeated) envelopes.push(envelope);
    }
    return envelopes;
  });

test('the same commands leave the same bytes and the same digest on every back end, also after opening it again', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (envelopes) => {
      const root = mkdtempSync(join(tmpdir(), 'quorate-machine-'));
      const disk = new NodeDisk(root);
      const open = {
        memory: () =>
          outcome<MemoryBackend>((callback) =>
            MemoryBackend.open({ disk, directory: 'memory', initial: baseAt(0) }, callback),
          ),
        lmdb: () =>
          outcome<LmdbBackend>((callback) =>
            LmdbBackend.open({ disk, root, directory: 'lmdb', initial: baseAt(0) }, callback),
          ),
      };
      const reference = new MapStore();
      const replicated = new Replicated(keySpace);
      for (const [at, envelope] of envelopes.entries())
        replicated.apply(encodeEnvelope(envelope), { ...baseAt(at + 1).position, removed: [] }, reference);
      const expected = contents(reference);
      const digest = new PairDigest();
      for (const [key, value] of reference.scan({ from: new Uint8Array(0), to: undefined }))
        digest.add(key, value);
      const everything = range(machineView(reference), read(keys('\0', null)));
      try {
        for (const openBackend of Object.values(open)) {
          const first = await openBackend();
          await run(first, envelopes);
          expect(contents(first.store)).toEqual(expected);
          expect(hex(first.digest())).toBe(hex(digest.bytes()));
          await outcome<Base>((callback) => first.flush(callback));
          await outcome<void>((callback) => first.close(callback));
          const again = await openBackend();
          expect(contents(again.store)).toEqual(expected);
          expect(hex(again.digest())).toBe(hex(digest.bytes()));
          expect(range(machineView(again.store), read(keys('\0', null)))).toEqual(everything);
          await outcome<void>((callback) => again.close(callback));
        }
      } finally {
        rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 12 },
  );
});
