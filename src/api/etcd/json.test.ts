import { describe, expect, test } from 'vitest';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { messageFromJson } from './json.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('JSON of requests', () => {
  test.each(['range_end', 'rangeEnd'])('%s is the end of a range', (name) => {
    const message = messageFromJson(pb.RangeRequest, { key: base64('a'), [name]: base64('b') });
    expect(Buffer.from(message.rangeEnd)).toEqual(Buffer.from(utf8('b')));
    expect(() => messageFromJson(pb.RangeRequest, { key: '', [name]: '!' })).toThrow(`${name} is not base64`);
  });

  test('names that the definition itself writes in camelCase are taken as they are', () => {
    const added = messageFromJson(pb.MemberAddRequest, { peerURLs: ['http://h:1'], isLearner: true });
    expect(added).toEqual({ peerURLs: ['http://h:1'], isLearner: true });
    const user = messageFromJson(pb.AuthUserAddRequest, { name: 'u', hashedPassword: 'eA==' });
    expect(user.hashedPassword).toBe('eA==');
  });

  test('inside of other messages, too', () => {
    const json = { success: [{ requestPut: { key: base64('k'), ignoreLease: true } }] };
    const [success] = messageFromJson(pb.TxnRequest, json).success;
    expect(success?.request).toMatchObject({ $case: 'requestPut', value: { ignoreLease: true } });
  });

  test('a field that does not exist is named as it was sent', () => {
    const stray = (json: object) => () => messageFromJson(pb.PutRequest, json);
    expect(stray({ keyName: 'a' })).toThrow('keyName is not a field of the request');
    expect(stray({ prev_kv: true, prevKv: true })).toThrow('prevKv is not a field of the request');
    expect(stray({ __proto__: null, constructor: 1 })).toThrow('constructor is not a field of the request');
  });
});
