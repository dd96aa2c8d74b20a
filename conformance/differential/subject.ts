import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import * as election from '../../src/api/etcd/gen/v3electionpb/v3election.ts';
import * as lock from '../../src/api/etcd/gen/v3lockpb/v3lock.ts';
import { assertNever } from '../../src/core/assert.ts';
import { GrpcClient } from '../../test/support/grpc-client.ts';
import { type Plain, plain, plainFailure } from './answers.ts';
import { bytesOf, Names } from './names.ts';
import type { Program, RecipeStep, Step, WatchStep } from './program.ts';
import { deleteRequest, putRequest, rangeRequest, txnRequest } from './requests.ts';
import { comesTrue, type StreamTranscript, type Told, WatchedStream } from './watched-stream.ts';

type Codec<T> = Pick<pb.MessageFns<T>, 'encode' | 'decode'>;

/** Long enough that nothing but a server that hangs reaches it. */
const callTimeoutMs = 120_000;

export interface Transcript {
  /** An answer for each step. */
  readonly answers: readonly Plain[];
  /** What was said on each stream of watches. */
  readonly streams: readonly StreamTranscript[];
}

const everything = { key: bytesOf('\0'), rangeEnd: bytesOf('\0') };

const watchEverything: WatchStep = {
  type: 'watch',
  stream: 0,
  key: '\0',
  end: '\0',
  start: 0,
  prevKv: false,
  filters: [],
  fragment: false,
  progressNotify: false,
  watchId: 0,
};

/** A server, on which programs run one after the other. */
export class Subject implements AsyncDisposable {
  readonly #client: GrpcClient;

  constructor(address: string) {
    this.#client = new GrpcClient(address);
  }

  async run(program: Program): Promise<Transcript> {
    const base = await this.#begin();
    const run = new Run(this.#client, new Names(base), base);
    try {
      return await run.all(program);
    } finally {
      run.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** No lease, and no key but one; all that was before is compacted. The revision. */
  async #begin(): Promise<bigint> {
    const leases = await this.#client.call(
      '/etcdserverpb.Lease/LeaseLeases',
      pb.LeaseLeasesRequest,
      pb.LeaseLeasesResponse,
      {},
    );
    for (const { ID } of leases.leases) {
      const path = '/etcdserverpb.Lease/LeaseRevoke';
      // It may have ended by itself meanwhile.
      await this.#client
        .call(path, pb.LeaseRevokeRequest, pb.LeaseRevokeResponse, { ID })
        .catch(() => undefined);
    }
    await this.#client.delete(everything);
    const { header } = await this.#client.put({ key: bytesOf('b') });
    const revision = header?.revision ?? 0n;
    await this.#client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
      revision,
      physical: false,
    });
    return revision;
  }
}

/** One program on its way. */
class Run {
  readonly #client: GrpcClient;
  readonly #names: Names;
  readonly #streams = new Map<number, WatchedStream>();
  readonly #witness: WatchedStream;
  readonly #candidates = new Map<string, election.LeaderKey>();
  #revision: bigint;
  #compacted: bigint;

  constructor(client: GrpcClient, names: Names, base: bigint) {
    this.#client = client;
    this.#names = names;
    this.#revision = base;
    this.#compacted = base;
    this.#witness = new WatchedStream(client, names);
  }

  async all(program: Program): Promise<Transcript> {
    // From the first revision that is not compacted on: 3 is the name of that one.
    await this.#witness.create({ ...watchEverything, start: 3 }, this.#compacted);
    const answers: Plain[] = [];
    for (const step of program) answers.push(await this.#perform(step));
    const history = await this.#settle();
    const streams = [...this.#streams].sort(([a], [b]) => a - b);
    return { answers, streams: streams.map(([, stream]) => stream.transcript(history)) };
  }

  close(): void {
    for (const stream of [this.#witness, ...this.#streams.values()]) stream.close();
  }

  async #perform(step: Step): Promise<Plain> {
    try {
      return await this.#ask(step);
    } catch (error) {
      return plainFailure(error);
    }
  }

  #ask(step: Step): Promise<Plain> {
    switch (step.type) {
      case 'range':
        return this.#kv('Range', pb.RangeRequest, pb.RangeResponse, rangeRequest(step, this.#names));
      case 'put':
        return this.#kv('Put', pb.PutRequest, pb.PutResponse, putRequest(step, this.#names));
      case 'delete':
        return this.#kv('DeleteRange', pb.DeleteRangeRequest, pb.DeleteRangeResponse, deleteRequest(step));
      case 'txn':
        return this.#kv('Txn', pb.TxnRequest, pb.TxnResponse, txnRequest(step, this.#names));
      case 'compact':
        return this.#compact(step.revision, step.physical);
      case 'watch':
        return this.#stream(step.stream).create(step, this.#compacted);
      case 'cancel':
        return this.#settle().then(() => this.#stream(step.stream).cancel(BigInt(step.watchId)));
      case 'progress':
        return this.#settle().then(() => this.#stream(step.stream).progress(this.#revision));
      case 'lock':
      case 'unlock':
      case 'campaign':
      case 'proclaim':
      case 'resign':
      case 'leader':
        return this.#recipe(step);
      default:
        return this.#lease(step);
    }
  }

  async #lease(
    step: Extract<Step, { type: 'grant' | 'grantShort' | 'revoke' | 'timeToLive' | 'keepAlive' | 'leases' }>,
  ): Promise<Plain> {
    switch (step.type) {
      case 'grant': {
        const request = { ID: this.#names.lease(step.lease), TTL: BigInt(step.ttl) };
        const answer = await this.#grant(request);
        if (step.lease === 0) this.#names.chosen(answer.ID);
        return plain(answer, this.#names);
      }
      case 'grantShort': {
        const { ID, ...answer } = await this.#grant({ ID: 0n, TTL: BigInt(step.ttl) });
        await this.#revoke(ID).catch(() => undefined);
        return plain(answer, this.#names);
      }
      case 'revoke':
        return plain(await this.#revoke(this.#names.lease(step.lease)), this.#names);
      case 'timeToLive': {
        const request = { ID: this.#names.lease(step.lease), keys: step.keys };
        const path = 'Lease/LeaseTimeToLive';
        const answer = await this.#call(path, pb.LeaseTimeToLiveRequest, pb.LeaseTimeToLiveResponse, request);
        const alive =
          answer.TTL > answer.grantedTTL - 900n && answer.TTL <= answer.grantedTTL && answer.TTL > 0n;
        const keys = [...answer.keys].sort(Buffer.compare);
        return plain({ ...answer, keys, TTL: alive ? 'alive' : answer.TTL }, this.#names);
      }
      case 'keepAlive':
        return plain(await this.#keepAlive(this.#names.lease(step.lease)), this.#names);
      case 'leases': {
        const path = 'Lease/LeaseLeases';
        const answer = await this.#call(path, pb.LeaseLeasesRequest, pb.LeaseLeasesResponse, {});
        const leases = answer.leases.map(({ ID }) => this.#names.leaseText(ID)).sort();
        return plain({ ...answer, leases }, this.#names);
      }
      default:
        return assertNever(step);
    }
  }

  async #recipe(step: RecipeStep): Promise<Plain> {
    switch (step.type) {
      case 'lock': {
        if (await this.#wouldWait(step.name, step.lease)) return 'would wait';
        const request = { name: bytesOf(step.name), lease: this.#names.lease(step.lease) };
        return this.#v3('v3lockpb.Lock/Lock', lock.LockRequest, lock.LockResponse, request);
      }
      case 'unlock': {
        const request = { key: bytesOf(step.key) };
        return this.#v3('v3lockpb.Lock/Unlock', lock.UnlockRequest, lock.UnlockResponse, request);
      }
      case 'campaign': {
        if (await this.#wouldWait(step.name, step.lease)) return 'would wait';
        const request = {
          name: bytesOf(step.name),
          lease: this.#names.lease(step.lease),
          value: bytesOf(step.value),
        };
        const { CampaignRequest, CampaignResponse } = election;
        const path = '/v3electionpb.Election/Campaign';
        const answer = await this.#client.call(path, CampaignRequest, CampaignResponse, request);
        if (answer.leader !== undefined) this.#candidates.set(step.name, answer.leader);
        return this.#noted(answer);
      }
      case 'proclaim': {
        const request = { leader: this.#candidate(step.name), value: bytesOf(step.value) };
        const { ProclaimRequest, ProclaimResponse } = election;
        return this.#v3('v3electionpb.Election/Proclaim', ProclaimRequest, ProclaimResponse, request);
      }
      case 'resign': {
        const request = { leader: this.#candidate(step.name) };
        const { ResignRequest, ResignResponse } = election;
        return this.#v3('v3electionpb.Election/Resign', ResignRequest, ResignResponse, request);
      }
      case 'leader': {
        const { LeaderRequest, LeaderResponse } = election;
        const request = { name: bytesOf(step.name) };
        return this.#v3('v3electionpb.Election/Leader', LeaderRequest, LeaderResponse, request);
      }
      default:
        return assertNever(step);
    }
  }

  /** Whether somebody else's place comes first. */
  async #wouldWait(name: string, lease: number): Promise<boolean> {
    const { kvs } = await this.#client.range({
      key: bytesOf(`${name}/`),
      rangeEnd: bytesOf(`${name}0`),
      sortOrder: pb.RangeRequest_SortOrder.ASCEND,
      sortTarget: pb.RangeRequest_SortTarget.CREATE,
      limit: 1n,
    });
    const [first] = kvs;
    const own = bytesOf(`${name}/${this.#names.lease(lease).toString(16)}`);
    return first !== undefined && Buffer.compare(first.key, own) !== 0;
  }

  /** The last one under this name, or one that never was. */
  #candidate(name: string): election.LeaderKey {
    const never = { name: bytesOf(name), key: bytesOf(`${name}/7`), rev: 1n, lease: 7n };
    return this.#candidates.get(name) ?? never;
  }

  async #compact(name: number, physical: boolean): Promise<Plain> {
    // What a watch has not been told yet, it could not be told afterwards.
    await this.#settle();
    const revision = this.#names.revision(name);
    const request = { revision, physical };
    const answer = await this.#kv('Compact', pb.CompactionRequest, pb.CompactionResponse, request);
    this.#compacted = revision;
    return answer;
  }

  /** Until every watch has been told everything; the history. */
  async #settle(): Promise<readonly Told[]> {
    await comesTrue(() => (this.#witness.told(0n).at(-1)?.revision ?? 0n) >= this.#revision);
    const history = this.#witness.told(0n);
    for (const stream of this.#streams.values()) await stream.settle(history);
    return history;
  }

  #stream(at: number): WatchedStream {
    const stream = this.#streams.get(at) ?? new WatchedStream(this.#client, this.#names);
    this.#streams.set(at, stream);
    return stream;
  }

  #grant(request: pb.LeaseGrantRequest): Promise<pb.LeaseGrantResponse> {
    return this.#call('Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, request);
  }

  #revoke(ID: bigint): Promise<pb.LeaseRevokeResponse> {
    return this.#call('Lease/LeaseRevoke', pb.LeaseRevokeRequest, pb.LeaseRevokeResponse, { ID });
  }

  #keepAlive(ID: bigint): Promise<pb.LeaseKeepAliveResponse> {
    const call = this.#client.bidi(
      '/etcdserverpb.Lease/LeaseKeepAlive',
      pb.LeaseKeepAliveRequest,
      pb.LeaseKeepAliveResponse,
      { timeoutMs: callTimeoutMs },
    );
    return new Promise((resolve, reject) => {
      call.on('error', reject);
      call.on('data', (answer: pb.LeaseKeepAliveResponse) => {
        resolve(answer);
        call.cancel();
      });
      call.write({ ID });
    });
  }

  async #call<Q, A extends { readonly header: pb.ResponseHeader | undefined }>(
    method: string,
    request: Codec<Q>,
    response: Codec<A>,
    message: Q,
  ): Promise<A> {
    return this.#seen(
      await this.#client.call(`/etcdserverpb.${method}`, request, response, message, {
        timeoutMs: callTimeoutMs,
      }),
    );
  }

  async #kv<Q, A extends { readonly header: pb.ResponseHeader | undefined }>(
    method: string,
    request: Codec<Q>,
    response: Codec<A>,
    message: Q,
  ): Promise<Plain> {
    return plain(await this.#call(`KV/${method}`, request, response, message), this.#names);
  }

  async #v3<Q, A extends { readonly header: pb.ResponseHeader | undefined }>(
    method: string,
    request: Codec<Q>,
    response: Codec<A>,
    message: Q,
  ): Promise<Plain> {
    return this.#noted(
      await this.#client.call(`/${method}`, request, response, message, { timeoutMs: callTimeoutMs }),
    );
  }

  #noted(answer: { readonly header: pb.ResponseHeader | undefined }): Plain {
    return plain(this.#seen(answer), this.#names);
  }

  /** Every revision up to here has been written. */
  #seen<A extends { readonly header: pb.ResponseHeader | undefined }>(answer: A): A {
    const revision = answer.header?.revision ?? 0n;
    if (revision > this.#revision) this.#revision = revision;
    return answer;
  }
}
