import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NodeId, nodeId } from '../core/ids.ts';
import {
  decodeManifest,
  encodeManifest,
  type KnownMember,
  type Manifest,
  manifestFormatVersion,
} from './manifest.ts';

const storageId = fc.uint8Array({ minLength: 16, maxLength: 16 });
const memberId = fc.integer({ min: 1, max: 2 ** 52 }).map(nodeId);
const manifests: fc.Arbitrary<Manifest> = fc.record({
  formatVersion: fc.constant(manifestFormatVersion),
  clusterId: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  clusterToken: fc.string(),
  memberId,
  name: fc.string({ minLength: 1 }),
  storageId,
  starts: fc.integer({ min: 0, max: 2 ** 30 }),
  protocol: fc.constant('raft'),
  machine: fc.constant('key-space'),
  phase: fc.constantFrom('empty', 'member'),
  rolledBack: fc.boolean(),
  initialMembers: fc.array(fc.record({ id: memberId, name: fc.string(), address: fc.string() }), {
    maxLength: 5,
  }),
  roster: fc
    .array(fc.tuple(memberId, fc.record({ storageId, incarnation: fc.nat() })), { maxLength: 5 })
    .map((pairs) => new Map<NodeId, KnownMember>(pairs)),
});

describe('the manifest', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
      }),
    );
  });

  it('is refused when it was cut anywhere, or a bit of it flipped', () => {
    fc.assert(
      fc.property(manifests, fc.nat(), fc.nat(7), (manifest, place, bit) => {
        const bytes = encodeManifest(manifest);
        const at = place % (bytes.length - 1);
        expect(typeof decodeManifest(bytes.subarray(0, at))).toBe('string');
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect(typeof decodeManifest(flipped)).toBe('string');
      }),
    );
  });
});
