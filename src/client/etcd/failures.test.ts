import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { CoordinationError, codeOf, type ErrorCode, type Outcome } from '../index.ts';
import { ClientFailure, type FailureType } from '../wire/failure.ts';
import { coordinationError } from './failures.ts';

const translated = (failure: unknown, signal?: AbortSignal): CoordinationError => {
  const error = coordinationError(failure, signal);
  if (error instanceof CoordinationError) return error;
  throw new Error(`not translated: ${String(error)}`);
};

describe('what servers say, by code and outcome', () => {
  test.each<[FailureType, status, string, ErrorCode, Outcome]>([
    [
      'refused',
      status.OUT_OF_RANGE,
      'etcdserver: mvcc: required revision has been compacted',
      'compacted',
      'refused',
    ],
    [
      'refused',
      status.OUT_OF_RANGE,
      'etcdserver: mvcc: required revision is a future revision',
      'futureRevision',
      'refused',
    ],
    ['refused', status.NOT_FOUND, 'etcdserver: requested lease not found', 'leaseLost', 'refused'],
    ['refused', status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', 'noSpace', 'refused'],
    ['refused', status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', 'overloaded', 'refused'],
    ['refused', status.INVALID_ARGUMENT, 'etcdserver: request is too large', 'tooLarge', 'refused'],
    [
      'refused',
      status.INVALID_ARGUMENT,
      'etcdserver: duplicate key given in txn request',
      'invalid',
      'refused',
    ],
    ['refused', status.PERMISSION_DENIED, 'etcdserver: permission denied', 'permissionDenied', 'refused'],
    ['refused', status.INVALID_ARGUMENT, 'etcdserver: user name is empty', 'unauthenticated', 'refused'],
    ['refused', status.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'unauthenticated', 'refused'],
    ['refused', status.UNIMPLEMENTED, 'unknown method', 'unsupported', 'refused'],
    ['refused', status.UNAVAILABLE, 'etcdserver: no leader', 'unavailable', 'refused'],
    ['unknown', status.UNAVAILABLE, 'etcdserver: request timed out', 'unavailable', 'unknown'],
    ['unknown', status.UNAVAILABLE, 'Connection dropped', 'disconnected', 'unknown'],
    ['unknown', status.DEADLINE_EXCEEDED, 'no answer in time', 'deadline', 'unknown'],
    ['refused', status.DEADLINE_EXCEEDED, 'no answer in time', 'deadline', 'refused'],
    ['unknown', status.DATA_LOSS, 'etcdserver: corrupt cluster', 'failed', 'unknown'],
  ])('%s %s %s', (type, code, message, expected, outcome) => {
    const error = translated(new ClientFailure(type, '10.0.0.1:2379', message, { status: code }));
    expect([error.code, error.outcome, error.endpoint]).toEqual([expected, outcome, '10.0.0.1:2379']);
  });

  test('no server was reached', () => {
    const error = translated(new ClientFailure('unreachable', 'a:1, b:1', 'a:1: ECONNREFUSED'));
    expect([error.code, error.outcome]).toEqual(['unreachable', 'refused']);
  });

  test('given up by the caller: the reason is the cause', () => {
    const reason = new Error('enough');
    const failure = new ClientFailure('unknown', 'a:1', 'Cancelled on client', { status: status.CANCELLED });
    const error = translated(failure, AbortSignal.abort(reason));
    expect([error.code, error.outcome, error.cause]).toEqual(['aborted', 'unknown', reason]);
  });

  test('what is no failure of a call stays what it is', () => {
    const mistake = new TypeError('ours');
    expect(coordinationError(mistake, undefined)).toBe(mistake);
  });
});

test('errors are recognised across copies of the package, and nothing else is', () => {
  const foreign = Object.assign(new Error('from another copy'), {
    code: 'compacted',
    outcome: 'refused',
    [Symbol.for('quorate.CoordinationError')]: true,
  });
  expect(foreign instanceof CoordinationError).toBe(true);
  expect(codeOf(foreign)).toBe('compacted');
  expect(codeOf(Object.assign(new Error(), { code: 'compacted' }))).toBeUndefined();
  expect(codeOf(undefined)).toBeUndefined();
});
