import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeStatusMessage, frame, MessageCollector, parseTimeout } from './framing.ts';
import { Code, Failure } from './rpc.ts';

test('a message arrives whole however it is cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(20)), (message, cuts) => {
      const collector = new MessageCollector(300);
      let rest: Uint8Array = frame(message);
      for (const cut of cuts) {
        expect(collector.add(rest.subarray(0, cut))).toBeUndefined();
        rest = rest.subarray(cut);
      }
      expect(collector.add(rest)).toBeUndefined();
      expect(collector.finish()).toEqual(Buffer.from(message));
    }),
  );
});

test('a truncated message is refused, cut where it may be', () => {
  const framed = frame(new Uint8Array(20));
  for (let length = 0; length < framed.length; length++) {
    const collector = new MessageCollector(300);
    collector.add(framed.subarray(0, length));
    expect(collector.finish()).toMatchObject({ code: Code.internal });
  }
});

test('a message that is too large is refused by its prefix', () => {
  const prefix = Buffer.from([0, 0, 0, 1, 45]);
  expect(new MessageCollector(300).add(prefix)).toMatchObject({ code: Code.resourceExhausted });
  expect(new MessageCollector(301).add(prefix)).toBeUndefined();
});

test('compressed and further messages are refused', () => {
  expect(new MessageCollector(300).add(Buffer.from([1, 0, 0, 0, 0]))).toMatchObject({
    code: Code.unimplemented,
  });
  const two = Buffer.concat([frame(new Uint8Array(1)), frame(new Uint8Array(1))]);
  expect(new MessageCollector(300).add(two)).toMatchObject({ code: Code.internal });
});

test('garbage never throws', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (parts) => {
      const collector = new MessageCollector(64);
      for (const part of parts) if (collector.add(part) instanceof Failure) return;
      collector.finish();
    }),
  );
});

test('timeouts', () => {
  expect(parseTimeout('2S')).toBe(2_000);
  expect(parseTimeout('150m')).toBe(150);
  expect(parseTimeout('1H')).toBe(3_600_000);
  expect(parseTimeout('500u')).toBe(0.5);
  for (const malformed of ['', 'S', '5', '-1S', '1.5S', '123456789S', '5x']) {
    expect(parseTimeout(malformed)).toBeUndefined();
  }
});

test('status messages are percent-encoded outside of printable ASCII', () => {
  expect(encodeStatusMessage('etcdserver: no leader')).toBe('etcdserver: no leader');
  expect(encodeStatusMessage('100 % ü\n')).toBe('100 %25 %C3%BC%0A');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (message) => {
      const encoded = encodeStatusMessage(message);
      expect(encoded).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeURIComponent(encoded)).toBe(message);
    }),
  );
});
