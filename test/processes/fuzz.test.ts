import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test } from 'vitest';
import { Names } from '../../conformance/differential/names.ts';
import { anyProgram } from '../../conformance/differential/programs.ts';
import { rangeRequest, txnRequest, watchRequest } from '../../conformance/differential/requests.ts';
import { SimpleTokens } from '../../src/api/auth/simple-tokens.ts';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { etcdDoor } from '../../src/api/etcd/services.ts';
import { putRequest, rangeRequest as readRequest } from '../../src/client/wire/index.ts';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import { SingleReplica } from '../support/single-replica.ts';
import { Cluster, type Member } from './cluster.ts';

/** Requests to each method, and to each path of the gateway. */
const requestsEach = 60;

const door = etcdDoor({
  replica: new SingleReplica(),
  schemes: { client: 'http', peer: 'http' },
  tokens: new SimpleTokens({ ttlMs: 1, now: () => 0 }),
  certificateNames: false,
  quotaBytes: undefined,
  fault: (error) => {
    throw error;
  },
});

/** Those that may have nothing to say for a while, or say something for ever. */
const patient = new Set(['Lock', 'Campaign', 'LeaseKeepAlive', 'Watch', 'Observe', 'Snapshot']);
const isPatient = (path: string): boolean => patient.has(path.split('/').at(-1) ?? '');
const patientMs = 150;
/** Nothing but a replica that hangs takes so long. */
const hangsMs = 120_000;

let cluster: Cluster;
let target: Member;
let client: Client;

beforeAll(async () => {
  cluster = await Cluster.start();
  target = await cluster.follower();
  client = new Client(target.client, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
});

afterAll(async () => {
  client?.close();
  await cluster?.[Symbol.asyncDispose]();
});

/** The same processes as before serve, and none has found a mistake of ours. */
afterEach(async () => {
  for (const member of cluster.members) {
    expect(member.running).toBe(true);
    expect(member.logs).not.toMatch(/"level":(50|60)/);
    const calls = member.connect(60_000);
    try {
      await calls.put(putRequest({ key: utf8('still'), value: utf8(member.name) }));
      const { kvs } = await calls.range(readRequest({ key: utf8('still') }));
      expect(kvs.map(({ value }) => utf8Text(value))).toEqual([member.name]);
    } finally {
      calls.close();
    }
  }
});

/** Messages as any client could send them, for one method or another. */
const plausible: fc.Arbitrary<Uint8Array> = anyProgram.map(([step]) => {
  const names = new Names(10n);
  switch (step?.type) {
    case 'txn':
      return pb.TxnRequest.encode(txnRequest(step, names)).finish();
    case 'range':
      return pb.RangeRequest.encode(rangeRequest(step, names)).finish();
    case 'watch': {
      const value = watchRequest(step, names);
      return pb.WatchRequest.encode({ requestUnion: { $case: 'createRequest', value } }).finish();
    }
    default:
      return pb.PutRequest.encode(putRequest({ key: utf8('k'), value: utf8('v') })).finish();
  }
});

interface Wound {
  readonly at: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

const wound: fc.Arbitrary<Wound> = fc.record({
  at: fc.nat(),
  removed: fc.nat({ max: 4 }),
  inserted: fc.uint8Array({ maxLength: 4 }),
});

const wounded = fc.tuple(plausible, fc.array(wound, { maxLength: 3 })).map(([bytes, wounds]) =>
  wounds.reduce((before: Uint8Array, { at, removed, inserted }) => {
    const place = before.length === 0 ? 0 : at % before.length;
    return Uint8Array.from([...before.subarray(0, place), ...inserted, ...before.subarray(place + removed)]);
  }, bytes),
);

/** Fields of all wire types, with lengths and numbers that are too large, and messages in messages. */
const { fields } = fc.letrec<{ fields: Uint8Array }>((tie) => ({
  fields: fc
    .array(
      fc.tuple(
        fc.integer({ min: 1, max: 14 }),
        fc.oneof(
          { depthSize: 'small', maxDepth: 4 },
          fc.tuple(fc.constant(0), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(varint)),
          fc.tuple(fc.constant(1), fc.uint8Array({ minLength: 8, maxLength: 8 })),
          fc.tuple(fc.constant(5), fc.uint8Array({ minLength: 4, maxLength: 4 })),
          fc.tuple(fc.constant(2), fc.uint8Array({ maxLength: 12 }).map(lengthDelimited)),
          fc.tuple(fc.constant(2), tie('fields').map(lengthDelimited)),
        ),
      ),
      { maxLength: 5 },
    )
    .map((all) => Uint8Array.from(all.flatMap(([field, [type, bytes]]) => [(field << 3) | type, ...bytes]))),
}));

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    if (left < 0x80n) return Uint8Array.from([...bytes, Number(left)]);
    bytes.push(Number(left & 0x7fn) | 0x80);
  }
}

function lengthDelimited(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint(BigInt(bytes.length)), ...bytes]);
}

const message = fc.oneof(wounded, fields, fc.uint8Array({ maxLength: 40 }));

/** How a call ended that sent these messages; patient ones are given up. */
function send(path: string, messages: readonly Uint8Array[]): Promise<{ code: number; details: string }> {
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      new Metadata(),
      { deadline: Date.now() + (isPatient(path) ? patientMs : hangsMs) },
    );
    call.on('data', () => {});
    call.on('error', () => {});
    call.on('status', resolve);
    for (const bytes of messages) call.write(Buffer.from(bytes));
    call.end();
  });
}

/** Some at a time. */
async function all<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await run(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

test('whatever comes to a method of gRPC is answered', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));
  const paths = [...door.services.methods.keys(), '/etcdserverpb.KV/Nothing', '/'];
  const bodies = fc.sample(fc.array(message, { minLength: 1, maxLength: 3 }), {
    numRuns: paths.length * requestsEach,
    seed: 1,
  });
  const codes = new Map<number, number>();
  await all([...bodies.entries()], async ([at, messages]) => {
    const path = paths[at % paths.length] ?? '';
    const { code, details } = await send(path, messages);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    const said = `${path} ${messages.map((bytes) => Buffer.from(bytes).toString('hex')).join(' ')}: ${details}`;
    expect(details, said).not.toContain('internal error');
    if (!isPatient(path)) expect(code, said).not.toBe(status.DEADLINE_EXCEEDED);
    expect(code, said).not.toBe(status.UNAVAILABLE);
  });
  // Some got through, and some did not.
  expect(codes.get(status.OK)).toBeGreaterThan(requestsEach);
  expect(codes.get(status.INTERNAL)).toBeGreaterThan(requestsEach);
});

/** Names that messages have, with values that they may not have. */
const names = [
  'key',
  'value',
  'range_end',
  'rangeEnd',
  'ID',
  'TTL',
  'lease',
  'name',
  'revision',
  'compare',
].concat(
  ['success', 'request_put', 'requestTxn', 'create_request', 'createRequest', 'watch_id', 'password', 'perm'],
  ['target', 'result', 'leader', 'limit', 'sort_order', 'keys', '__proto__', 'constructor', 'toString'],
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom('a2V5', '9223372036854775808', '-1', 'NaN', 1e308, -0.5, 'EQUAL', null),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('json'), { maxKeys: 4 }),
  ),
}));
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .dictionary(fc.constantFrom(...names), json, { maxKeys: 4 })
      .map((all) => JSON.stringify(all)),
  },
  { weight: 2, arbitrary: json.map((value) => JSON.stringify(value) ?? '') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.nat({ max: 20_000 }).map((depth) => '['.repeat(depth)) },
);

test('whatever comes to a path of the gateway is answered', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));
  const served = [...door.gateway].map(([path, method]) => ({
    url: `/v3${path}`,
    patient: isPatient(method.path),
  }));
  const others = [
    '/v3/',
    '/v3/kv',
    '/v3/kv/range/more',
    '/v3alpha/kv/range',
    '/version',
    '/%00',
    '/v3/__proto__',
  ];
  const targets = [...served, ...others.map((url) => ({ url, patient: false }))];
  const bodies = fc.sample(body, { numRuns: targets.length * requestsEach, seed: 1 });
  const statuses = new Map<number, number>();
  await all([...bodies.entries()], async ([at, text]) => {
    const { url, patient } = targets[at % targets.length] ?? { url: '/', patient: false };
    const answer = await post(url, text, patient ? patientMs : hangsMs);
    if (answer === 'given up') return expect(patient, `${url} ${text}`).toBe(true);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    expect(answer.text, `${url} ${text}`).not.toContain('internal error');
  });
  expect(statuses.get(200)).toBeGreaterThan(requestsEach);
  expect(statuses.get(400)).toBeGreaterThan(requestsEach);
});

async function post(
  path: string,
  text: string,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string } | 'given up'> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(`http://${target.client}${path}`, { method: 'POST', body: text, signal });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    if (signal.aborted) return 'given up';
    throw error;
  }
}
