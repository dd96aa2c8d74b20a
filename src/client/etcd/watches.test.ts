import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  header,
  putEvent,
  type Script,
  ScriptedEtcd,
  watchResponse,
} from '../../../test/support/scripted-etcd.ts';
import type { WatchCreateRequest } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Client, type CoordinationError, codeOf, connect, type Watch } from '../index.ts';
import { vouchesForProgress } from './versions.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

type WatchCall = Parameters<NonNullable<Script['watch']>>[0];

/** Streams in the order of their opening; each answers create requests as its script says. */
async function serving(
  ...scripts: ((call: WatchCall, create: WatchCreateRequest, nth: number) => void)[]
): Promise<{ client: Client; creates: WatchCreateRequest[]; calls: WatchCall[] }> {
  const creates: WatchCreateRequest[] = [];
  const calls: WatchCall[] = [];
  const server = await ScriptedEtcd.start({
    watch: (call) => {
      const script = scripts[Math.min(calls.length, scripts.length - 1)];
      calls.push(call);
      let nth = 0;
      call.on('error', () => undefined);
      call.on('data', ({ requestUnion }) => {
        if (requestUnion?.$case !== 'createRequest') return;
        creates.push(requestUnion.value);
        script?.(call, requestUnion.value, nth++);
      });
      call.on('end', () => call.end());
    },
  });
  opened.push(server);
  const client = await connect({ endpoints: server.address });
  opened.push(client);
  return { client, creates, calls };
}

const created = (revision: bigint, watchId = 0n) =>
  watchResponse({ header: header(revision), watchId, created: true });
const events = (revision: bigint, ...list: ReturnType<typeof putEvent>[]) =>
  watchResponse({ header: header(revision), events: list });

async function take(watch: Watch, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const change of watch.changes()) {
    seen.push(`${change.revision}: ${change.events.map((event) => event.name)}`);
    if (seen.length === count) break;
  }
  return seen;
}

const errorOf = (call: Promise<unknown>): Promise<CoordinationError> =>
  call.then(
    () => Promise.reject(new Error('expected an error')),
    (error: CoordinationError) => error,
  );

describe('a watch', () => {
  test('resumes behind what it has seen, and sees nothing twice although the server repeats', async () => {
    const { client, creates } = await serving(
      (call) => {
        call.write(created(4n));
        call.write(events(5n, putEvent('a', 5n)));
        call.write(events(6n, putEvent('b', 6n)));
        call.end();
      },
      (call) => {
        call.write(created(8n));
        call.write(events(8n, putEvent('b', 6n), putEvent('c', 7n), putEvent('c', 8n)));
      },
    );
    expect(await take(client.watch({ prefix: '' }), 4)).toEqual(['5: a', '6: b', '7: c', '8: c']);
    expect(creates.map(({ startRevision }) => startRevision)).toEqual([0n, 7n]);
  });

  test('that was opened and saw nothing resumes behind the revision at which it was opened', async () => {
    const { client, creates } = await serving(
      (call) => {
        call.write(created(41n));
        call.end();
      },
      (call) => {
        call.write(created(50n));
        call.write(events(50n, putEvent('a', 42n)));
      },
    );
    const watch = client.watch({ prefix: '' });
    expect(await watch.ready).toBe(41n);
    expect(await take(watch, 1)).toEqual(['42: a']);
    expect(creates.map(({ startRevision }) => startRevision)).toEqual([0n, 42n]);
  });

  test('hands out a revision whole when it comes in fragments, and not at all when the stream breaks within', async () => {
    const fragment = (...list: ReturnType<typeof putEvent>[]) => ({ ...events(6n, ...list), fragment: true });
    const { client, creates } = await serving(
      (call) => {
        call.write(created(4n));
        call.write(fragment(putEvent('a', 5n), putEvent('b', 5n)));
        call.write(fragment(putEvent('c', 5n), putEvent('a', 6n)));
        call.end();
      },
      (call) => {
        call.write(created(6n));
        call.write(fragment(putEvent('a', 6n)));
        call.write(events(6n, putEvent('b', 6n)));
      },
    );
    expect(await take(client.watch({ prefix: '' }), 2)).toEqual(['5: a,b,c', '6: a,b']);
    expect(creates.map(({ startRevision }) => startRevision)).toEqual([0n, 6n]);
  });

  test('that compaction has overtaken while it was away ends with the oldest revision that is left', async () => {
    const { client } = await serving(
      (call) => {
        call.write(created(4n));
        call.write(events(5n, putEvent('a', 5n)));
        call.end();
      },
      (call) => {
        call.write(created(90n));
        call.write(watchResponse({ header: header(90n), canceled: true, compactRevision: 80n }));
      },
    );
    const seen: bigint[] = [];
    const error = await errorOf(
      (async () => {
        for await (const event of client.watch({ prefix: '' })) seen.push(event.revision);
      })(),
    );
    expect([error.code, error.outcome, error.revision, seen]).toEqual(['compacted', 'refused', 80n, [5n]]);
  });

  test('does not go on in another cluster, whose revisions mean something else', async () => {
    const { client } = await serving(
      (call) => {
        call.write(created(4n));
        call.end();
      },
      (call) => {
        call.write({ ...created(2n), header: header(2n, 99n) });
      },
    );
    expect((await errorOf(take(client.watch({ prefix: '' }), 1))).code).toBe('otherCluster');
  });

  test('that is refused says so, and others on the stream go on', async () => {
    const denied = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
    const { client } = await serving((call, _create, nth) => {
      const refused = { canceled: true, watchId: -1n, cancelReason: denied };
      if (nth === 1) call.write({ ...created(4n), ...refused });
      else call.write(created(4n, BigInt(nth)));
      if (nth === 2) call.write({ ...events(5n, putEvent('c', 5n)), watchId: 2n });
    });
    const [first, second, third] = ['a', 'b', 'c'].map((key) => client.watch({ key })) as [
      Watch,
      Watch,
      Watch,
    ];
    expect(codeOf(await errorOf(take(second, 1)))).toBe('permissionDenied');
    expect(await take(third, 1)).toEqual(['5: c']);
    expect(await first.ready).toBe(4n);
  });

  test('that is one too many ends alone, and the stream of the others stays', async () => {
    const { client, calls } = await serving((call, _create, nth) => {
      call.write(created(4n, BigInt(nth)));
      if (nth === 0) return;
      const cancelReason = 'etcdserver: too many requests: a replica serves 1 watches, try another one';
      call.write(watchResponse({ header: header(4n), watchId: BigInt(nth), canceled: true, cancelReason }));
    });
    const first = client.watch({ key: 'a' });
    await first.ready;
    expect(codeOf(await errorOf(take(client.watch({ key: 'b' }), 1)))).toBe('overloaded');
    await pause(200);
    expect(calls).toHaveLength(1);
  });

  test('that was ended for being behind begins again where it was, on the same stream', async () => {
    const { client, calls, creates } = await serving((call, _create, nth) => {
      call.write(created(4n, BigInt(nth)));
      call.write({ ...events(5n, putEvent('a', 5n + BigInt(nth))), watchId: BigInt(nth) });
      if (nth > 0) return;
      const cancelReason =
        'etcdserver: too many requests: events were not read for too long while others waited; watch again from the last revision read';
      call.write(watchResponse({ header: header(5n), canceled: true, cancelReason }));
    });
    expect(await take(client.watch({ prefix: '' }), 2)).toEqual(['5: a', '6: a']);
    expect(creates.map(({ startRevision }) => startRevision)).toEqual([0n, 6n]);
    expect(calls).toHaveLength(1);
  });

  test('that a server ends because it has lost its leader goes on elsewhere', async () => {
    const { client, calls } = await serving(
      (call) => {
        call.write(created(4n));
        call.write(
          watchResponse({ header: header(4n), canceled: true, cancelReason: 'etcdserver: no leader' }),
        );
      },
      (call) => {
        call.write(created(4n));
        call.write(events(5n, putEvent('a', 5n)));
      },
    );
    expect(await take(client.watch({ prefix: '' }), 1)).toEqual(['5: a']);
    expect(calls[0]?.metadata.get('hasleader')).toEqual(['true']);
  });

  test('that is closed hears nothing more, and the stream ends with the last one', async () => {
    const { client, calls } = await serving((call) => call.write(created(4n)));
    const watch = client.watch({ prefix: '' });
    await watch.ready;
    watch.close();
    while (calls[0]?.cancelled !== true) await pause(10);
    expect(await take(watch, 1)).toEqual([]);
    expect(codeOf(await errorOf(client.watch({ prefix: '', signal: AbortSignal.abort() }).ready))).toBe(
      'closed',
    );
  });
});

describe('progress', () => {
  const idle = async (version: string): Promise<bigint | undefined> => {
    const creates: WatchCreateRequest[] = [];
    let streams = 0;
    const server = await ScriptedEtcd.start({
      version,
      watch: (call) => {
        const nth = ++streams;
        call.on('error', () => undefined);
        call.on('data', ({ requestUnion }) => {
          if (requestUnion?.$case !== 'createRequest') return;
          creates.push(requestUnion.value);
          call.write(created(4n));
          if (nth === 1) {
            // The version is asked for when the stream is opened, and must be known by the last of them.
            const saying = setInterval(() => call.write(watchResponse({ header: header(70n) })), 50);
            setTimeout(() => {
              clearInterval(saying);
              call.end();
            }, 2_000);
          } else call.write(events(71n, putEvent('a', 71n)));
        });
      },
    });
    opened.push(server);
    const client = await connect({ endpoints: server.address });
    opened.push(client);
    await take(client.watch({ prefix: '' }), 1);
    return creates[1]?.startRevision;
  };

  test('moves the place to resume at, so that compaction does not overtake what is idle', async () => {
    expect(await idle('3.5.13')).toBe(71n);
  });

  test('of servers that tell it too early is not believed', async () => {
    expect(await idle('3.4.23')).toBe(5n);
  });

  test.each([
    ['3.4.30', false],
    ['3.4.31', true],
    ['3.5.12', false],
    ['3.5.13', true],
    ['3.6.0', true],
    ['4.0.0', true],
    ['3.3.99', false],
    ['', false],
  ])('%s: %s', (version, trusted) => {
    expect(vouchesForProgress(version)).toBe(trusted);
  });
});
