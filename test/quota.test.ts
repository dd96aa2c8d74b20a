import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClientServer } from '../src/api/client-server.ts';
import * as pb from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { utf8 } from '../src/core/bytes.ts';
import { keySpace } from '../src/machine/index.ts';
import { Replica } from '../src/replica/index.ts';
import { GrpcClient } from './support/grpc-client.ts';
import { freePorts } from './support/ports.ts';

const quotaBytes = 3_000_000;
const value = new Uint8Array(500_000).fill(1);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-quota-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('after deleting and a physical compaction there is room again, and it lasts', async () => {
  await using replica = await Replica.open({
    machine: keySpace,
    dataDir: directory,
    cluster: [{ name: 'n1', address: `127.0.0.1:${await freePorts(1)}` }],
  });
  expect(await replica.ready()).toBe(true);
  const server = await ClientServer.listen({
    replica,
    host: '127.0.0.1',
    port: 0,
    peerTls: false,
    quotaBytes,
    metrics: { contentType: 'text/plain', metrics: async () => '' },
    onRejected: () => undefined,
    onFault: (error) => {
      throw error;
    },
  });
  await using client = new GrpcClient(server.address);
  for (let round = 0; round < 3; round++) {
    const full = async (): Promise<void> => {
      for (let n = 0; ; n++) await client.put({ key: utf8(`key${n}`), value });
    };
    expect((await client.failure(full())).message).toContain('database space exceeded');
    const { header } = await client.delete({ key: utf8('key'), rangeEnd: utf8('kez') });
    await client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
      revision: header?.revision ?? 0n,
      physical: true,
    });
    const { dbSizeInUse } = await client.call(
      '/etcdserverpb.Maintenance/Status',
      pb.StatusRequest,
      pb.StatusResponse,
      {},
    );
    expect(Number(dbSizeInUse)).toBeLessThan(value.length);
    const disarm = {
      action: pb.AlarmRequest_AlarmAction.DEACTIVATE,
      memberID: BigInt(replica.status().memberId),
    };
    await client.call('/etcdserverpb.Maintenance/Alarm', pb.AlarmRequest, pb.AlarmResponse, {
      ...disarm,
      alarm: pb.AlarmType.NOSPACE,
    });
    for (let n = 0; n < 4; n++) await client.put({ key: utf8(`key${n}`), value });
  }
  await server.close(100);
}, 120_000);
