import { equalBytes } from '../../core/bytes.ts';
import { type KeyValue, putOf, rangeOf } from '../../machine/index.ts';
import type { ReadConsistency } from '../../replica/types.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { Changes } from './changes.ts';
import { etcdErrors } from './errors.ts';
import type { ResponseHeader } from './gen/etcdserverpb/rpc.ts';
import * as pb from './gen/v3electionpb/v3election.ts';
import type { KeyAccess } from './key-access.ts';
import type { LeaseGrants } from './lease-grants.ts';
import {
  decodeMessage,
  type EtcdMethod,
  type EtcdStreamMethod,
  etcdMethod,
  etcdStreamMethod,
} from './method.ts';
import { created, lineOf, WaitingLine } from './waiting-line.ts';

/** In this package names are bytes. */
const bytesFields: ReadonlySet<string> = new Set(['name', 'key', 'value']);

/** v3electionpb.Election: elections that the server holds on behalf of its clients. */
export class ElectionService {
  readonly #changes: Changes;
  readonly #keys: KeyAccess;
  readonly #grants: LeaseGrants;
  readonly #line: WaitingLine;

  constructor(keys: KeyAccess, changes: Changes, grants: LeaseGrants) {
    this.#changes = changes;
    this.#keys = keys;
    this.#grants = grants;
    this.#line = new WaitingLine(keys, changes, etcdErrors.electionSessionExpired);
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/v3electionpb.Election/Campaign',
        '/election/campaign',
        pb.CampaignRequest,
        pb.CampaignResponse,
        (request, call) => this.#campaign(request, call),
        bytesFields,
      ),
      etcdMethod(
        '/v3electionpb.Election/Proclaim',
        '/election/proclaim',
        pb.ProclaimRequest,
        pb.ProclaimResponse,
        ({ leader, value }, call) => this.#proclaim(leader, value, call),
        bytesFields,
      ),
      etcdMethod(
        '/v3electionpb.Election/Leader',
        '/election/leader',
        pb.LeaderRequest,
        pb.LeaderResponse,
        (request, call) => this.#leader(request, call),
        bytesFields,
      ),
      etcdMethod(
        '/v3electionpb.Election/Resign',
        '/election/resign',
        pb.ResignRequest,
        pb.ResignResponse,
        (request, call) => this.#resign(request, call),
        bytesFields,
      ),
    ];
  }

  streams(): EtcdStreamMethod[] {
    return [
      etcdStreamMethod(
        '/v3electionpb.Election/Observe',
        '/election/observe',
        pb.LeaderRequest,
        pb.LeaderResponse,
        { type: 'serverStream', handle: (bytes, call) => this.#observe(bytes, call) },
        bytesFields,
      ),
    ];
  }

  async #campaign(request: pb.CampaignRequest, call: Call): Promise<pb.CampaignResponse | Failure> {
    const { name, value } = request;
    const lease = await this.#grants.session(request.lease, call);
    if (lease instanceof Failure) return lease;
    const place = await this.#line.join(name, lease, value, call);
    if (place instanceof Failure) return place;
    const { key, createRevision: rev, earlier } = place;
    const leader = { name, key, rev, lease };
    if (earlier !== undefined && !equalBytes(earlier.value, value)) {
      const proclaimed = await this.#proclaim(leader, value, call);
      if (proclaimed instanceof Failure) return proclaimed;
    }
    const header = await this.#line.first(place, call);
    return header instanceof Failure ? header : { header, leader };
  }

  async #proclaim(
    leader: pb.LeaderKey | undefined,
    value: Uint8Array,
    call: Call,
  ): Promise<pb.ProclaimResponse | Failure> {
    if (leader === undefined) return etcdErrors.leaderKeyMissing;
    const answered = await this.#keys.execute(
      {
        type: 'txn',
        compare: [created(leader.key, leader.rev)],
        success: [putOf(leader.key, value, { lease: leader.lease })],
        failure: [],
      },
      call,
    );
    if (answered instanceof Failure) return answered;
    return answered.result.succeeded ? { header: answered.header } : etcdErrors.electionNotLeader;
  }

  async #leader(request: pb.LeaderRequest, call: Call): Promise<pb.LeaderResponse | Failure> {
    const first = await this.#first(request.name, 0n, 'linearizable', call);
    if (first instanceof Failure) return first;
    return first.kv === undefined ? etcdErrors.electionNoLeader : first;
  }

  async #resign({ leader }: pb.ResignRequest, call: Call): Promise<pb.ResignResponse | Failure> {
    if (leader === undefined) return etcdErrors.leaderKeyMissing;
    const answered = await this.#line.leave({ key: leader.key, createRevision: leader.rev }, call);
    return answered instanceof Failure ? answered : { header: answered.header };
  }

  /** Who leads now, and then every change: of the leader, and of what he proclaims. */
  async *#observe(bytes: Uint8Array, call: Call): AsyncGenerator<Uint8Array, Failure | undefined, undefined> {
    const request = decodeMessage(pb.LeaderRequest, bytes);
    if (request instanceof Failure) return request;
    const range = lineOf(request.name);
    let first = await this.#first(request.name, 0n, 'linearizable', call);
    let shown: KeyValue | undefined;
    for (;;) {
      if (first instanceof Failure) return first;
      if (first.kv !== undefined && !samePair(first.kv, shown))
        yield pb.LeaderResponse.encode(first).finish();
      shown = first.kv;
      const change = await this.#changes.next({ range, after: first.header.revision, puts: true }, call);
      if (change instanceof Failure) return change;
      first = await this.#first(request.name, change, 'local', call);
      // Compacted meanwhile: what is left to be seen is the present.
      if (first === etcdErrors.compacted) first = await this.#first(request.name, 0n, 'local', call);
    }
  }

  /** The pair of whoever came first, as of a revision (0: the present), which is the header's. */
  async #first(
    name: Uint8Array,
    revision: bigint,
    consistency: ReadConsistency,
    call: Call,
  ): Promise<{ readonly header: ResponseHeader; readonly kv: KeyValue | undefined } | Failure> {
    const sort = { target: 'create', descending: false } as const;
    const answered = await this.#keys.read(
      rangeOf(lineOf(name), { sort, limit: 1, revision }),
      consistency,
      call,
    );
    if (answered instanceof Failure) return answered;
    const { header, result } = answered;
    return { header: revision === 0n ? header : { ...header, revision }, kv: result.pairs[0] };
  }
}

const samePair = (pair: KeyValue, other: KeyValue | undefined): boolean =>
  other !== undefined && other.modRevision === pair.modRevision && equalBytes(other.key, pair.key);
