import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, hex, utf8 } from '../core/bytes.ts';
import {
  maxAppendBytes,
  maxBulkChunkBytes,
  maxCommandBytes,
  maxForwardBytes,
  maxFrameBytes,
  maxHandshakeBytes,
  maxPeerQueueBytes,
} from '../core/limits.ts';
import {
  encodedLength,
  encodeFrames,
  type Frame,
  FrameDecoder,
  type FrameError,
  frameBoundaries,
  frameHeaderBytes,
} from './framing.ts';

const frames = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 8_000, max: 9_000 }).map((length) => new Uint8Array(length).fill(length)),
    ),
  }),
  { maxLength: 12 },
);

/** Everything that comes out when `bytes` go in, cut at the given places (fractions of the whole). */
function decodeSplit(bytes: Uint8Array, cuts: readonly number[], limit?: number): (Frame | FrameError)[] {
  const decoder = new FrameDecoder(limit);
  const out: (Frame | FrameError)[] = [];
  const places = cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    decoder.push(bytes.subarray(from, to));
    from = to;
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      out.push(next);
      if ('type' in next) return out;
    }
  }
  return out;
}

const shown = (frame: Frame | FrameError): string =>
  'type' in frame ? frame.reason : `${frame.kind} ${hex(frame.payload)}`;

const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

describe('frames', () => {
  it('come out as they went in, however the stream was split', () => {
    fc.assert(
      fc.property(frames, fractions, (sent, cuts) => {
        const parts = encodeFrames(sent);
        expect(parts.length).toBeLessThanOrEqual(2 * sent.length);
        const received = decodeSplit(concatBytes(parts), cuts);
        expect(received.map(shown)).toEqual(sent.map(shown));
      }),
    );
  });

  it('come out of single bytes, with few buffers kept', () => {
    const payload = new Uint8Array(20_000).map((_, at) => at);
    const bytes = concatBytes(encodeFrames([{ kind: 7, payload }]));
    const decoder = new FrameDecoder();
    for (let at = 0; at < bytes.length - 1; at++) {
      decoder.push(bytes.subarray(at, at + 1));
      expect(decoder.next()).toBeUndefined();
    }
    decoder.push(bytes.subarray(-1));
    expect(decoder.next()).toEqual({ kind: 7, payload });
    expect(decoder.buffered).toBe(0);
  });

  it('are found damaged when any bit is flipped: nothing but what was sent comes out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: fc.constant(16), payload: fc.uint8Array({ maxLength: 60 }) }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.nat(),
        fractions,
        (sent, flip, cuts) => {
          const bytes = concatBytes(encodeFrames(sent));
          const bit = flip % (8 * bytes.length);
          bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
          const out = decodeSplit(bytes, cuts);
          const good = out.filter((one) => !('type' in one));
          expect(good).toEqual(sent.slice(0, good.length));
          expect(good.length).toBeLessThan(sent.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('survive garbage: an error or silence, never an exception, and never the memory that was claimed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fractions, (garbage, cuts) => {
        const decoder = new FrameDecoder(1_000);
        decoder.push(garbage);
        const next = decoder.next();
        if (next !== undefined && 'type' in next) expect(decoder.next()).toEqual(next);
        expect(decoder.buffered).toBeLessThanOrEqual(garbage.length);
        expect(decodeSplit(garbage, cuts, 1_000).length).toBeLessThanOrEqual(garbage.length);
      }),
    );
  });

  it('above the limit are refused by their first four bytes', () => {
    const bytes = concatBytes(encodeFrames([{ kind: 16, payload: new Uint8Array(1_001) }]));
    const [error] = decodeSplit(bytes.subarray(0, 4), [], 1_000);
    expect(error).toEqual({
      type: 'oversized',
      reason: 'a frame of 1001 bytes is announced, 1000 are allowed',
    });
    const decoder = new FrameDecoder(1_000);
    decoder.setLimit(1_001);
    decoder.push(bytes);
    expect(decoder.next()).toMatchObject({ kind: 16 });
  });

  it('that are cut short never come out', () => {
    const bytes = concatBytes(encodeFrames([{ kind: 16, payload: utf8('whole or nothing') }]));
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeSplit(bytes.subarray(0, length), [])).toEqual([]);
    }
  });

  it('are told from other protocols', () => {
    const reason = (bytes: Uint8Array) => {
      const [first] = decodeSplit(bytes, []);
      return first !== undefined && 'type' in first ? `${first.type}: ${first.reason}` : 'a frame';
    };
    expect(reason(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00))).toMatch(/^foreign: .*speaks TLS/);
    expect(reason(Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 2, 70))).toMatch(/^foreign: .*demands TLS/);
    expect(reason(utf8('GET /health HTTP/1.1\r\n'))).toMatch(/^foreign: .*speaks HTTP/);
    expect(reason(utf8('PRI * HTTP/2.0\r\n'))).toMatch(/^foreign: .*speaks HTTP/);
    expect(reason(utf8('SSH-2.0-OpenSSH'))).toMatch(/^oversized/);
  });

  it('can be found without being decoded', () => {
    fc.assert(
      fc.property(frames, fc.nat({ max: 100 }), (sent, cut) => {
        const bytes = concatBytes(encodeFrames(sent));
        const found = frameBoundaries(bytes);
        expect(found.map(({ kind }) => kind)).toEqual(sent.map(({ kind }) => kind));
        expect(found.map(({ start, end }) => end - start)).toEqual(sent.map(encodedLength));
        expect(found.at(-1)?.end ?? 0).toBe(bytes.length);
        const shorter = bytes.subarray(0, Math.max(0, bytes.length - 1 - cut));
        expect(frameBoundaries(shorter)).toEqual(found.filter(({ end }) => end <= shorter.length));
      }),
    );
  });

  it('have the layout that docs/formats/wire.md gives', () => {
    const [bytes] = encodeFrames([{ kind: 16, payload: utf8('123456789') }]);
    expect([...(bytes ?? [])].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')).toBe(
      '00 00 00 09 10 98 72 89 c0 31 32 33 34 35 36 37 38 39',
    );
    expect(frameHeaderBytes).toBe(9);
  });
});

describe('limits of the transport', () => {
  it('fit each other and what is carried', () => {
    expect(maxFrameBytes).toBeGreaterThan(maxAppendBytes + maxCommandBytes);
    expect(maxFrameBytes).toBeGreaterThan(maxForwardBytes + maxCommandBytes);
    expect(maxPeerQueueBytes).toBeGreaterThanOrEqual(2 * maxFrameBytes);
    expect(maxBulkChunkBytes).toBeLessThan(maxFrameBytes);
    expect(maxHandshakeBytes).toBeLessThan(maxFrameBytes);
  });
});
