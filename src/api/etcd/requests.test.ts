import { expect, test } from 'vitest';
import { serveClients } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

const key = utf8('a');
const range = (serializable: boolean): pb.RequestOp => ({
  request: { $case: 'requestRange', value: { ...pb.RangeRequest.fromJSON({}), key, serializable } },
});
const nested = (success: readonly pb.RequestOp[]): pb.RequestOp => ({
  request: { $case: 'requestTxn', value: { compare: [], success: [...success], failure: [] } },
});
const compare = [pb.Compare.fromJSON({ key: Buffer.from(key).toString('base64'), target: 'CREATE' })];

test('a transaction that only reads is answered from this replica alone if its ranges say so, and it has some', async () => {
  await using server = await serveClients();
  await using client = new GrpcClient(server.server.address);
  const consistencyOf = async (request: Partial<pb.TxnRequest>): Promise<string | undefined> => {
    await client.txn(request);
    return server.replica.lastConsistency;
  };
  // Comparisons alone, which cannot say that they may be old: whether one holds is an answer, too.
  expect(await consistencyOf({ compare })).toBe('linearizable');
  expect(await consistencyOf({ compare, success: [nested([])] })).toBe('linearizable');
  expect(await consistencyOf({})).toBe('linearizable');
  expect(await consistencyOf({ compare, success: [range(true)] })).toBe('local');
  expect(await consistencyOf({ compare, success: [nested([range(true)])] })).toBe('local');
  expect(await consistencyOf({ success: [range(true)], failure: [nested([range(false)])] })).toBe(
    'linearizable',
  );
});
