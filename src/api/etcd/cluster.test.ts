import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { nodeId } from '../../core/ids.ts';
import type { RefusedReason } from '../../replica/types.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

let replica: TestServer['replica'];
let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients();
  replica = server.replica;
  client = new GrpcClient(server.server.address);
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

const add = (peerURLs: string[], isLearner = false): Promise<pb.MemberAddResponse> =>
  client.call('/etcdserverpb.Cluster/MemberAdd', pb.MemberAddRequest, pb.MemberAddResponse, {
    peerURLs,
    isLearner,
  });
const remove = (ID: bigint): Promise<pb.MemberRemoveResponse> =>
  client.call('/etcdserverpb.Cluster/MemberRemove', pb.MemberRemoveRequest, pb.MemberRemoveResponse, { ID });
const promote = (ID: bigint): Promise<pb.MemberPromoteResponse> =>
  client.call('/etcdserverpb.Cluster/MemberPromote', pb.MemberPromoteRequest, pb.MemberPromoteResponse, {
    ID,
  });

test('16: a member is added as a learner with an id of its own, without a name', async () => {
  replica.carriesOutChanges = true;
  const { header, member, members } = await add(['http://10.0.0.9:2380']);
  expect(replica.lastChange).toMatchObject({ type: 'addLearner', address: '10.0.0.9:2380', promote: true });
  expect(header).toMatchObject({ revision: 0n, raftTerm: 3n });
  expect(member).toMatchObject({ name: '', peerURLs: ['http://10.0.0.9:2380'], isLearner: true });
  expect(members.map(({ ID }) => ID)).toContain(member?.ID);
  expect(members.length).toBe(3);
  await add(['https://[::1]:2380/'], true);
  expect(replica.lastChange).toMatchObject({ address: '[::1]:2380', promote: false });
});

test('peer URLs that nobody could reach are refused', async () => {
  const noHost = ['http://256.1.1.1:80', 'http://[::g]:80'];
  const noPort = ['10.0.0.9:2380', 'http://10.0.0.9', 'http://h:99999', 'http://127.0.0.1:0'];
  for (const url of [undefined, ...noHost, ...noPort, 'ftp://h:1']) {
    expect(await client.failure(add(url === undefined ? [] : [url]))).toMatchObject({
      code: Code.invalidArgument,
      message: 'etcdserver: given member URLs are invalid',
    });
  }
  expect(await client.failure(add(['http://h:1', 'http://i:1']))).toMatchObject({
    message: expect.stringContaining('one peer URL'),
  });
  for (const url of ['http://0.0.0.0:1', 'http://[::]:1', 'https://224.0.0.1:1', 'http://255.255.255.255:1'])
    expect(await client.failure(add([url]))).toMatchObject({
      code: Code.invalidArgument,
      message: expect.stringContaining('nobody can connect to'),
    });
});

test('members are updated, promoted and removed', async () => {
  replica.carriesOutChanges = true;
  await client.call('/etcdserverpb.Cluster/MemberUpdate', pb.MemberUpdateRequest, pb.MemberUpdateResponse, {
    ID: 8n,
    peerURLs: ['http://10.0.0.8:1'],
  });
  expect(replica.lastChange).toEqual({ type: 'update', id: nodeId(8), address: '10.0.0.8:1' });
  expect((await remove(8n)).members.map(({ ID }) => ID)).toEqual([7n]);
  expect(await client.failure(promote(7n))).toMatchObject({
    message: 'etcdserver: can only promote a learner member',
  });
  for (const id of [0n, 1n << 60n, 99n]) {
    expect(await client.failure(remove(id))).toMatchObject({
      code: Code.notFound,
      message: 'etcdserver: member not found',
    });
  }
});

test.each<[RefusedReason, number, string]>([
  [
    'notEnoughStarted',
    Code.failedPrecondition,
    'etcdserver: re-configuration failed due to not enough started members',
  ],
  ['unhealthy', Code.unavailable, 'etcdserver: unhealthy cluster'],
  ['tooManyLearners', Code.failedPrecondition, 'etcdserver: too many learner members in cluster'],
  ['addressExists', Code.failedPrecondition, 'etcdserver: Peer URLs already exists'],
  [
    'notInSync',
    Code.failedPrecondition,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ],
])('%s is told in the words of etcd', async (reason, code, message) => {
  replica.changeOutcome = { type: 'refused', reason };
  expect(await client.failure(remove(8n))).toMatchObject({ code, message });
});

test('17: a learner answers what is about itself, and reads that may be old', async () => {
  replica.troubles = { role: 'learner' };
  const notSupported = {
    code: Code.failedPrecondition,
    message: 'etcdserver: rpc not supported for learner',
  };
  const range = (serializable: boolean) =>
    client.call(
      '/etcdserverpb.KV/Range',
      pb.RangeRequest,
      pb.RangeResponse,
      pb.RangeRequest.fromJSON({ key: Buffer.from('a').toString('base64'), serializable }),
    );
  expect(await range(true)).toMatchObject({ count: 0n });
  expect(await client.failure(range(false))).toMatchObject(notSupported);
  expect(await client.failure(remove(8n))).toMatchObject(notSupported);
  expect(await client.failure(client.put({ key: utf8('a') }))).toMatchObject(notSupported);
  const status = await client.call(
    '/etcdserverpb.Maintenance/Status',
    pb.StatusRequest,
    pb.StatusResponse,
    {},
  );
  expect(status.isLearner).toBe(true);
});
