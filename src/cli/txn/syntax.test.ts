import { describe, expect, test } from 'vitest';
import { TxnRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { deleteRequest, putRequest, rangeRequest } from '../../client/wire/index.ts';
import { utf8 } from '../../core/bytes.ts';
import { parseJsonTxn } from './json.ts';
import { parseTxn, TxnSyntaxError } from './syntax.ts';

const failureOf = (parse: () => unknown): TxnSyntaxError => {
  try {
    parse();
  } catch (error) {
    if (error instanceof TxnSyntaxError) return error;
    throw error;
  }
  throw new Error('expected a syntax error');
};

describe('text', () => {
  test('comparisons and both branches', () => {
    const txn = parseTxn(`
      if                         # a comment
        version(lock) = 0
        value("config/a b") != "o\\x66f\\n"
        mod("jobs/") < 12 --prefix
        create(a) > 3 --range-end c
      then
        put lock "worker 7"
        get config/ --prefix
      else
        get "lock"
        del a --range-end "z"
    `);
    const none = new Uint8Array(0);
    expect(txn.compare).toEqual([
      {
        result: 0,
        target: 0,
        key: utf8('lock'),
        rangeEnd: none,
        targetUnion: { $case: 'version', value: 0n },
      },
      {
        result: 3,
        target: 3,
        key: utf8('config/a b'),
        rangeEnd: none,
        targetUnion: { $case: 'value', value: utf8('off\n') },
      },
      {
        result: 2,
        target: 2,
        key: utf8('jobs/'),
        rangeEnd: utf8('jobs0'),
        targetUnion: { $case: 'modRevision', value: 12n },
      },
      {
        result: 1,
        target: 1,
        key: utf8('a'),
        rangeEnd: utf8('c'),
        targetUnion: { $case: 'createRevision', value: 3n },
      },
    ]);
    expect(txn.success).toEqual([
      { request: { $case: 'requestPut', value: putRequest({ key: utf8('lock'), value: utf8('worker 7') }) } },
      {
        request: {
          $case: 'requestRange',
          value: rangeRequest({ key: utf8('config/'), rangeEnd: utf8('config0') }),
        },
      },
    ]);
    expect(txn.failure).toEqual([
      { request: { $case: 'requestRange', value: rangeRequest({ key: utf8('lock') }) } },
      {
        request: {
          $case: 'requestDeleteRange',
          value: deleteRequest({ key: utf8('a'), rangeEnd: utf8('z') }),
        },
      },
    ]);
  });

  test('bytes that are not text', () => {
    const [put] = parseTxn('then\nput "\\xff\\x00" "é"').success;
    expect(put?.request).toMatchObject({ value: { key: Uint8Array.of(0xff, 0), value: utf8('é') } });
  });

  test('quoted words are keys, never keywords or flags', () => {
    const [put] = parseTxn('then\nput "then" "--prefix"').success;
    expect(put?.request).toMatchObject({ value: { key: utf8('then'), value: utf8('--prefix') } });
  });

  test('any branch may be left out', () => {
    expect(parseTxn('else\nget a').failure).toHaveLength(1);
    expect(parseTxn('if\nversion(a) = 0\nthen\nelse\n').success).toEqual([]);
  });

  test.each([
    ['', 1, 'empty'],
    ['# nothing', 1, 'empty'],
    ['put a b', 1, 'expected "if" or "then"'],
    ['then\nif\nversion(a) = 0', 2, 'order'],
    ['then\nthen', 2, 'order'],
    ['then\nput a', 2, 'a value'],
    ['then\nput a b c', 2, 'unexpected c'],
    ['then\n\nset a b', 3, 'there are put, get and del'],
    ['then\nget a --limit 3', 2, 'unexpected --limit'],
    ['if\nversion a = 0', 2, 'expected ('],
    ['if\nversion(a) 0', 2, '= != > or <'],
    ['if\nversion(a) == 0', 2, '"==" is not an operator: there are = != > <'],
    ['if\nversion(a) >= 1', 2, '">=" is not an operator'],
    ['if\nversion(a) <> 1', 2, '"<>" is not an operator'],
    ['if\nversion(a) = x', 2, 'expected a number'],
    ['if\nversion(a) = "0"', 2, 'expected a number'],
    ['if\nversion(a) =', 2, 'at the end'],
    ['if\nage(a) = 1', 2, '"age" cannot be compared'],
    ['then\nput "a b', 2, 'no closing'],
    ['then\nput "\\q" b', 2, 'not an escape'],
    ['then\nput a b\nput "x" "\\xZZ"', 3, 'not an escape'],
  ])('%j', (text, line, expected) => {
    const failure = failureOf(() => parseTxn(text));
    expect(failure.message).toContain(expected);
    expect(failure.line).toBe(line);
  });
});

describe('JSON', () => {
  test('what a transaction becomes in JSON is read back as it was', () => {
    const txn = parseTxn('if\nversion(a) = 0\nvalue(b) != x\nthen\nput a 1\ndel b --prefix\nelse\nget a');
    expect(parseJsonTxn(JSON.stringify(TxnRequest.toJSON(txn)))).toEqual(txn);
  });

  test('fields may be in camel case', () => {
    const text =
      '{"compare":[{"target":"MOD","key":"YQ==","modRevision":"3"}],"success":[{"requestPut":{"key":"YQ=="}}]}';
    const { compare, success } = parseJsonTxn(text);
    expect(compare[0]?.targetUnion).toEqual({ $case: 'modRevision', value: 3n });
    expect(success[0]?.request?.$case).toBe('requestPut');
  });

  test('zeros may be written out', () => {
    const text =
      '{"compare":[{"target":"VERSION","result":"EQUAL","key":"YQ==","version":"0"}],"success":[]}';
    expect(parseJsonTxn(text).compare[0]?.targetUnion).toEqual({ $case: 'version', value: 0n });
  });

  test.each([
    ['{', 'cannot be read'],
    ['{"compares":[{}]}', 'compares is not a field'],
    ['{"compare":[{"modRevisions":"3"}]}', 'compare.0.modRevisions is not a field'],
    ['{"success":[{"request_put":{"keys":"YQ=="}}]}', 'success.0.request_put.keys is not a field'],
    ['{"success":[{"request_putt":{"key":"YQ=="}}]}', 'success.0.request_putt is not a field'],
  ])('%s', (text, expected) => {
    expect(failureOf(() => parseJsonTxn(text)).message).toContain(expected);
  });
});
