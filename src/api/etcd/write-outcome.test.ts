import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient, putRequest, rangeRequest } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { encodeCommand } from '../../machine/index.ts';
import { maxRequestBytes, maxRpcMessageBytes } from '../limits.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients();
  client = new GrpcClient(server.server.address);
  return async () => {
    expect(server.faults).toEqual([]);
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

const key = utf8('a');
const put = (value: Partial<pb.PutRequest>): pb.RequestOp => ({
  request: { $case: 'requestPut', value: putRequest(value) },
});
const compact = (revision: bigint): Promise<unknown> =>
  client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
    revision,
    physical: false,
  });
const raise = (alarm: 'noSpace' | 'corrupt'): Promise<unknown> =>
  server.replica.propose(encodeCommand({ type: 'alarm', action: 'activate', member: 7n, alarm }));

const refusals: Record<string, () => Promise<unknown>> = {
  'an empty key': () => client.put({}),
  'a key that is too long': () => client.put({ key: new Uint8Array(4000).fill(1) }),
  'a lease that is not there': () => client.put({ key, lease: 99n }),
  'a value that is to be ignored and is given': () => client.put({ key, value: key, ignoreValue: true }),
  'a value that is to be kept and is not there': () => client.put({ key, ignoreValue: true }),
  'a request that is too large': () => client.put({ key, value: new Uint8Array(maxRequestBytes) }),
  'a message that is too large': () => client.put({ key, value: new Uint8Array(maxRpcMessageBytes) }),
  'a duplicate key': () => client.txn({ success: [put({ key }), put({ key })] }),
  'an operation that is none': () => client.txn({ success: [{ request: undefined }] }),
  'too many operations': () => client.txn({ success: Array.from({ length: 129 }, () => put({ key })) }),
  'a compaction in the future': () => compact(99n),
  'a compaction of what is compacted': () => compact(0n),
  'no space': async () => {
    await raise('noSpace');
    return client.put({ key });
  },
  'a corrupt cluster': async () => {
    await raise('corrupt');
    return client.delete({ key });
  },
  'a lease that is to be revoked and is not there': () =>
    client.call('/etcdserverpb.Lease/LeaseRevoke', pb.LeaseRevokeRequest, pb.LeaseRevokeResponse, {
      ID: 99n,
    }),
  'a lease that is too long': () =>
    client.call('/etcdserverpb.Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, {
      ID: 0n,
      TTL: 10_000_000_000n,
    }),
  'a member without an address': () =>
    client.call('/etcdserverpb.Cluster/MemberAdd', pb.MemberAddRequest, pb.MemberAddResponse, {
      peerURLs: [],
      isLearner: false,
    }),
  'a user that is not there': () =>
    client.call('/etcdserverpb.Auth/UserDelete', pb.AuthUserDeleteRequest, pb.AuthUserDeleteResponse, {
      name: 'nobody',
    }),
  'a learner': () => {
    server.replica.isLearner = () => true;
    return client.put({ key });
  },
};

test.each(Object.entries(refusals))('%s: the failure says that nothing happened', async (_name, call) => {
  const { outcome, message } = await client.failure(call());
  expect({ outcome, message }).toEqual({ outcome: 'refused', message: expect.any(String) });
});

test('what is unknown stays so, and a read says nothing', async () => {
  server.replica.writeOutcome = { type: 'unknown', reason: 'timeout' };
  expect((await client.failure(client.put({ key }))).outcome).toBe('unknown');
  const future = client.range(rangeRequest({ key, revision: 99n }));
  expect((await client.failure(future)).outcome).toBeUndefined();
});

test('over the gateway, too', async () => {
  const response = await fetch(`http://${server.server.address}/v3/kv/put`, { method: 'POST', body: '{}' });
  expect(response.headers.get('quorate-outcome')).toBe('refused');
});
