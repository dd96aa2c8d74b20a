import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ScriptedEtcd } from '../../../test/support/scripted-etcd.ts';
import { LeaseKeepAliveResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { codeOf } from '../index.ts';
import { Cluster } from '../wire/cluster.ts';
import { KeepAlive } from './keep-alive.ts';

const opened: (() => void | PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** `answer` gets the number of the request, counted over all streams. */
async function keeping(
  answer: (nth: number, say: (ttl: number) => void) => void,
): Promise<{ keepAlive: KeepAlive; streams: () => number }> {
  let [requests, streams] = [0, 0];
  const server = await ScriptedEtcd.start({
    keepAlive: (call) => {
      streams++;
      call.on('error', () => undefined);
      call.on('data', ({ ID }) =>
        answer(++requests, (TTL) => call.write(LeaseKeepAliveResponse.fromJSON({ ID, TTL }))),
      );
      call.on('end', () => call.end());
    },
  });
  const cluster = new Cluster([{ address: server.address, tls: undefined }]);
  const keepAlive = new KeepAlive(cluster);
  opened.push(
    () => server[Symbol.asyncDispose](),
    () => cluster.close(),
    () => keepAlive.close(),
  );
  return { keepAlive, streams: () => streams };
}

const limits = { signal: undefined, deadlineMs: 10_000 };

test('renewals share a stream', async () => {
  const { keepAlive, streams } = await keeping((nth, say) => say(nth));
  expect(await keepAlive.renew(7n, limits)).toBe(1);
  const both = await Promise.all([keepAlive.renew(7n, limits), keepAlive.renew(8n, limits)]);
  expect(both.sort()).toEqual([2, 3]);
  expect(streams()).toBe(1);
});

test('a late answer does not count for a renewal that was sent after the one that it answers', async () => {
  const answers: (() => void)[] = [];
  const { keepAlive } = await keeping((nth, say) => {
    if (nth === 1) return say(60);
    answers.push(() => say(nth * 10));
    if (answers.length < 2) return;
    answers[0]?.();
    setTimeout(() => answers[1]?.(), 100);
  });
  await keepAlive.renew(7n, limits);
  const giveUp = new AbortController();
  const first = keepAlive.renew(7n, { ...limits, signal: giveUp.signal }).catch(codeOf);
  while (answers.length < 1) await pause(5);
  giveUp.abort();
  expect(await first).toBe('aborted');
  expect(await keepAlive.renew(7n, limits)).toBe(30);
});

test('a renewal without an answer is sent anew on another stream', async () => {
  const { keepAlive, streams } = await keeping((nth, say) => {
    if (nth > 1) say(nth);
  });
  expect(await keepAlive.renew(7n, { signal: undefined, deadlineMs: 3_000 })).toBe(2);
  expect(streams()).toBe(2);
});

test('nothing is renewed after the end, and no stream is opened for it', async () => {
  const { keepAlive, streams } = await keeping((nth, say) => say(nth));
  keepAlive.close();
  expect(await keepAlive.renew(7n, limits).catch(codeOf)).toBe('closed');
  expect(streams()).toBe(0);
});
