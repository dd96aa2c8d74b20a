import { PutRequest, RangeRequest } from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { table } from '../src/cli/output.ts';
import { Calls, putRequest, rangeRequest } from '../src/client/wire/index.ts';
import { utf8 } from '../src/core/bytes.ts';
import { h2load, type LoadResult } from './h2load.ts';
import { residentMiB, type Subject } from './subject.ts';

const key = utf8('key-0001');
const valueBytes = 256;
const loopDelayFloorMs = 20;

/** In flight, as connections times calls on each, and the least that is wanted in calls a second. */
const steps = [
  { connections: 1, streams: 10, writes: 2_500, reads: 5_000 },
  { connections: 10, streams: 10, writes: 8_000, reads: 12_000 },
  { connections: 10, streams: 100, writes: 12_000, reads: 13_000 },
] as const;

const calls = {
  writes: {
    method: '/etcdserverpb.KV/Put',
    message: PutRequest.encode(putRequest({ key, value: new Uint8Array(valueBytes).fill(0x76) })).finish(),
  },
  reads: { method: '/etcdserverpb.KV/Range', message: RangeRequest.encode(rangeRequest({ key })).finish() },
} as const;

const header = [
  '',
  'IN FLIGHT',
  'PER S',
  'FLOOR',
  'MEAN MS',
  'P50',
  'P99',
  'LOOP P99 MS',
  'LEADER MIB',
  'FAILED',
];

/** Writes, then linearizable reads, all to the leader. */
export async function measureLoad(subject: Subject, program: string, seconds: number): Promise<string> {
  const rows: string[][] = [];
  for (const kind of ['writes', 'reads'] as const) {
    for (const { connections, streams, ...floors } of steps) {
      const { address, pid } = await subject.leader();
      await subject.loopDelayP99Ms(address);
      const before = await revision(address);
      const result = await h2load({ program, address, ...calls[kind], connections, streams, seconds });
      const delay = await subject.loopDelayP99Ms(address);
      const written = Number((await revision(address)) - before);
      rows.push([
        `${subject.name} ${kind}`,
        String(connections * streams),
        Math.round(result.perSecond).toString(),
        subject.judged ? `${floors[kind]}${result.perSecond >= floors[kind] ? '' : ' !'}` : '-',
        ...[result.meanMs, result.p50Ms, result.p99Ms].map((each) => each.toFixed(1)),
        delay === undefined ? '-' : `${delay.toFixed(1)}${delay < loopDelayFloorMs ? '' : ' !'}`,
        String(residentMiB(pid) ?? '-'),
        String(kind === 'writes' ? failedWrites(result, written) : result.failed),
      ]);
    }
  }
  return table(header, rows);
}

/** A refusal has the HTTP status 200 too: what counts is how far the store has come. */
const failedWrites = (result: LoadResult, written: number): number =>
  Math.max(result.failed, result.requests - written);

async function revision(address: string): Promise<bigint> {
  const client = new Calls({ servers: [{ address, tls: undefined }], timeoutMs: 10_000 });
  try {
    return (await client.range(rangeRequest({ key }))).header?.revision ?? 0n;
  } finally {
    client.close();
  }
}
