import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../test/support/recording-peer.ts';
import { concatBytes, utf8 } from '../core/bytes.ts';
import { Writer } from '../core/codec.ts';
import { nodeId } from '../core/ids.ts';
import {
  checkFacts,
  decodeHello,
  decodeReject,
  decodeWelcome,
  encodeHello,
  encodeReject,
  encodeWelcome,
  type Facts,
  type Hello,
  type Purpose,
  type RejectCode,
  reject,
} from './handshake.ts';

const hello = (changed: Partial<Hello> = {}): Hello => ({
  ...factsOf(1),
  versions: { min: 1, max: 1 },
  to: nodeId(2),
  purpose: 'link',
  ...changed,
});

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const anyFacts: fc.Arbitrary<Facts> = fc.record({
  clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(nodeId),
  name: text,
  storageId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  incarnation: fc.nat(),
  phase: fc.constantFrom('empty' as const, 'member' as const),
  baseDigest: fc.uint8Array({ maxLength: 40 }),
  knowsYou: fc.boolean(),
  peerAddress: text,
  clientAddresses: fc.array(text, { maxLength: 16 }),
  protocol: text,
  protocolVersion: fc.nat(),
});

describe('hello and welcome', () => {
  it('come out as they went in', () => {
    const purpose = fc.constantFrom<Purpose>('link', 'probe', 'bulk', 'join');
    fc.assert(
      fc.property(
        anyFacts,
        purpose,
        fc.integer({ min: 1 }),
        fc.uint8Array(),
        (facts, purpose, to, initialMembers) => {
          const sent: Hello = { ...facts, versions: { min: 1, max: 3 }, to: nodeId(to), purpose };
          expect(decodeHello(encodeHello(sent))).toEqual({ hello: sent, version: 1 });
          const welcome = { ...facts, version: 1, to: nodeId(to), initialMembers };
          expect(decodeWelcome(encodeWelcome(welcome))).toEqual(welcome);
        },
      ),
    );
  });

  it('agree on the highest version in common', () => {
    const agreed = (theirs: [number, number], ours: [number, number]): number | RejectCode => {
      const bytes = encodeHello(hello({ versions: { min: theirs[0], max: theirs[1] } }));
      const answer = decodeHello(bytes, { min: ours[0], max: ours[1] });
      return 'type' in answer ? answer.code : answer.version;
    };
    expect(agreed([1, 1], [1, 1])).toBe(1);
    expect(agreed([1, 4], [2, 3])).toBe(3);
    expect(agreed([3, 9], [1, 3])).toBe(3);
    expect(agreed([4, 9], [1, 3])).toBe('versionRange');
    expect(agreed([1, 1], [2, 3])).toBe('versionRange');
    expect(agreed([3, 2], [1, 9])).toBe('versionRange');
  });

  it('of a far future are understood as far as the version range', () => {
    const future = concatBytes([
      new Writer().raw(utf8('QUORATE\n')).u32(7).u32(9).finish(),
      utf8('all else is new'),
    ]);
    expect(decodeHello(future)).toEqual(
      reject(
        'versionRange',
        'the dialling replica speaks wire versions 7 to 9, this one 1: upgrade the older one',
      ),
    );
  });

  it('may be longer in later versions', () => {
    const longer = concatBytes([encodeHello(hello({ versions: { min: 1, max: 2 } })), utf8('new field')]);
    expect(decodeHello(longer)).toMatchObject({ version: 1, hello: { name: 'n1' } });
  });

  it('that are garbage, cut short or flipped are refused or read, and never throw', () => {
    const good = encodeHello(hello());
    for (let length = 0; length < good.length; length++) {
      expect(decodeHello(good.subarray(0, length))).toMatchObject({ code: 'malformed' });
      expect(decodeWelcome(good.subarray(0, length))).toMatchObject({ code: 'malformed' });
    }
    fc.assert(
      fc.property(fc.nat({ max: 8 * good.length - 1 }), fc.uint8Array({ maxLength: 200 }), (bit, garbage) => {
        const flipped = good.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        const answer = decodeHello(flipped);
        expect('type' in answer ? answer.code : answer.version).toEqual(
          expect.toBeOneOf(['malformed', 'versionRange', 1]),
        );
        expect(decodeHello(garbage)).toMatchObject({ code: 'malformed' });
        expect(decodeWelcome(concatBytes([good.subarray(0, 8), garbage]))).toHaveProperty('type');
      }),
    );
  });
});

describe('reject', () => {
  it('comes out as it went in, its text shortened', () => {
    const sent = reject('storageChanged', 'another data directory');
    expect(decodeReject(encodeReject(sent))).toEqual(sent);
    expect(decodeReject(encodeReject(reject('busy', 'x'.repeat(5_000)))).text).toHaveLength(1024);
  });

  it('with the code of a later version keeps its text', () => {
    const later = new Writer().u8(200).string('a reason from the future').finish();
    expect(decodeReject(later)).toEqual(reject('other', 'a reason from the future'));
  });

  it('that cannot be read is still one', () => {
    expect(decodeReject(new Uint8Array(0))).toMatchObject({ type: 'reject', code: 'malformed' });
  });
});

describe('facts that two replicas cannot agree to differ on', () => {
  const check = (changed: Partial<Hello>): string => {
    const verdict = checkFacts(factsOf(2), hello(changed));
    return verdict.type === 'accept' ? 'accept' : `${verdict.code}: ${verdict.text}`;
  };

  it.each<[Partial<Hello>, RegExp]>([
    [{}, /^accept$/],
    [{ clusterId: 0xc2n }, /^wrongCluster: .*00000000000000c2.*00000000000000c1.*--cluster-token/],
    [{ to: nodeId(3) }, /^wrongTarget: .*looks for member 3 and found n2 \(2\)/],
    [{ protocol: 'zab' }, /^protocolMismatch: .*runs zab version 1, .*runs raft version 1/],
    [{ protocolVersion: 2 }, /^protocolMismatch: .*raft version 2/],
    [{ id: nodeId(2) }, /^duplicateName: two replicas run as n2 \(2\)/],
    [{ phase: 'empty', knowsYou: false, incarnation: 9 }, /^accept$/],
  ])('%o gives %s', (changed, expected) => {
    expect(check(changed)).toMatch(expected);
  });
});
