import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { judge } from './outcome.ts';

function answer(code: status, details: string, outcome?: string): ServiceError {
  const metadata = new Metadata();
  if (outcome !== undefined) metadata.set('quorate-outcome', outcome);
  return Object.assign(new Error(details), { code, details, metadata });
}

test('a refusal because of the cluster itself is final: no other server would decide otherwise', () => {
  const unhealthy = answer(status.UNAVAILABLE, 'etcdserver: unhealthy cluster');
  expect(judge(unhealthy, 'write')).toEqual({ type: 'refused', elsewhere: false });
});

test('what a server could not pass on may be asked for elsewhere', () => {
  const without = answer(status.UNAVAILABLE, 'etcdserver: no leader');
  expect(judge(without, 'write')).toEqual({ type: 'refused', elsewhere: true });
});

test('the trailer counts more than code and text', () => {
  const lost = answer(status.UNAVAILABLE, 'etcdserver: unhealthy cluster', 'unknown');
  expect(judge(lost, 'write')).toEqual({ type: 'unknown', elsewhere: false });
  expect(judge(answer(status.INTERNAL, 'whatever', 'refused'), 'write').type).toBe('refused');
});

test('without a word of the server, a write that was sent may have happened', () => {
  expect(judge(answer(status.UNAVAILABLE, 'gone'), 'write')).toEqual({ type: 'unknown', elsewhere: false });
  expect(judge(answer(status.UNAVAILABLE, 'gone'), 'read')).toEqual({ type: 'refused', elsewhere: true });
});
