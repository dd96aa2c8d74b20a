import fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { Malformed } from '../core/codec.ts';
import { nodeId } from '../core/ids.ts';
import { maxPublishedAddresses, maxPublishedAddressLength } from '../core/limits.ts';
import { decodeEnvelope, type Envelope, encodeEnvelope } from './envelope.ts';

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 }).map(nodeId);
const session = fc.record({ opener: id, incarnation: fc.maxSafeNat() });
const envelopes: fc.Arbitrary<Envelope> = fc.oneof(
  fc.record({ type: fc.constant('openSession' as const), session }),
  fc
    .record({
      session,
      sequence: fc.integer({ min: 1, max: 2 ** 40 }),
      outstanding: fc.nat(),
      command: fc.uint8Array(),
    })
    .map(({ outstanding, ...rest }) => ({
      type: 'command' as const,
      ...rest,
      acknowledgedBelow: Math.max(0, rest.sequence - outstanding),
    })),
  fc.record({
    type: fc.constant('publish' as const),
    member: fc.record({
      id,
      clientAddresses: fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 4 }),
      maxFeatureLevel: fc.nat(),
      version: fc.string({ maxLength: 10 }),
    }),
  }),
  fc.record({ type: fc.constant('raiseFeatureLevel' as const), to: fc.maxSafeNat() }),
);

test('there and back', () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
    }),
  );
});

test('whatever decodes is the one encoding of what it says; all else is malformed', () => {
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.tuple(envelopes, fc.nat(), fc.nat(255)).map(([envelope, at, byte]) => {
      const changed = encodeEnvelope(envelope).slice();
      changed[at % changed.length] = byte;
      return changed;
    }),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      const decoded = decodeEnvelope(bytes);
      if (!(decoded instanceof Malformed)) expect(encodeEnvelope(decoded)).toEqual(bytes);
    }),
    { numRuns: 3000 },
  );
});

test('what a member publishes is bounded', () => {
  const member = { id: nodeId(1), clientAddresses: ['a:1'], maxFeatureLevel: 1, version: '1' };
  const published = (more: Partial<typeof member>) =>
    decodeEnvelope(encodeEnvelope({ type: 'publish', member: { ...member, ...more } }));
  const long = 'x'.repeat(maxPublishedAddressLength + 1);
  expect(published({})).not.toBeInstanceOf(Malformed);
  expect(published({ clientAddresses: [long] })).toBeInstanceOf(Malformed);
  expect(published({ version: long })).toBeInstanceOf(Malformed);
  expect(published({ clientAddresses: Array(maxPublishedAddresses + 1).fill('a') })).toBeInstanceOf(
    Malformed,
  );
});

test('the format, which is in journals, does not change by accident', () => {
  const opened = { opener: nodeId(1), incarnation: 2 };
  const command = {
    type: 'command',
    session: opened,
    sequence: 300,
    acknowledgedBelow: 298,
    command: utf8('c'),
  } as const;
  expect(Buffer.from(encodeEnvelope(command)).toString('hex')).toMatchInlineSnapshot(`"020102ac020263"`);
});
