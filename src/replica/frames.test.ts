import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, Malformed } from '../core/codec.ts';
import type { Refusal } from '../protocol/index.ts';
import { encodeForward, encodeRefused, readForward, readRefused } from './frames.ts';

const sequence = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const forwards = fc.record({
  incarnation: sequence,
  submissions: fc.array(fc.record({ sequence, payload: fc.uint8Array({ maxLength: 300 }) })),
});
const reasons: readonly Refusal[] = [
  'notLeader',
  'overloaded',
  'storageFull',
  'transferring',
  'unsupported',
  'tooLarge',
];
const refusals = fc.array(
  fc.record({ incarnation: sequence, sequence, reason: fc.constantFrom(...reasons) }),
);

describe('frames between drivers', () => {
  it('bring commands as they were', () => {
    fc.assert(
      fc.property(forwards, (sent) => {
        expect(decode(encodeForward(sent), readForward)).toEqual(sent);
      }),
    );
  });

  it('bring refusals as they were', () => {
    fc.assert(
      fc.property(refusals, (sent) => {
        expect(decode(encodeRefused(sent), readRefused)).toEqual(sent);
      }),
    );
  });

  it('are refused when they are cut, and never throw on garbage', () => {
    fc.assert(
      fc.property(forwards, fc.nat(), fc.uint8Array(), (sent, place, garbage) => {
        const bytes = encodeForward(sent);
        const cut = bytes.subarray(0, place % bytes.length);
        expect(decode(cut, readForward)).toBeInstanceOf(Malformed);
        for (const read of [readForward, readRefused]) {
          const decoded = decode<unknown>(garbage, read);
          expect(decoded).toBeTypeOf('object');
        }
      }),
    );
  });
});
