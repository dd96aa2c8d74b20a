import { equalBytes } from '../../core/bytes.ts';
import { type KeyValue, putOf, rangeOf } from '../../machine/index.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import type { ResponseHeader } from './gen/etcdserverpb/rpc.ts';
import * as pb from './gen/v3electionpb/v3election.ts';
import type { KeyAccess } from './key-access.ts';
import type { LeaseGrants } from './lease-grants.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';
import { created, lineOf, WaitingLine } from './waiting-line.ts';

const missingLeader = new Failure(Code.unknown, '"leader" field must be provided');
const notLeader = new Failure(Code.unknown, 'election: not leader');
const noLeader = new Failure(Code.unknown, 'election: no leader');

/** In this package names are bytes. */
const bytesFields: ReadonlySet<string> = new Set(['name', 'key', 'value']);

/** v3electionpb.Election: elections that the server holds on behalf of its clients. */
export class ElectionService {
  readonly #keys: KeyAccess;
  readonly #grants: LeaseGrants;
  readonly #line: WaitingLine;

  constructor(access: ReplicaAccess, keys: KeyAccess, grants: LeaseGrants) {
    this.#keys = keys;
    this.#grants = grants;
    this.#line = new WaitingLine(access, keys, new Failure(Code.unknown, 'election: session is expired'));
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
    if (leader === undefined) return missingLeader;
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
    return answered.result.succeeded ? { header: answered.header } : notLeader;
  }

  async #leader(request: pb.LeaderRequest, call: Call): Promise<pb.LeaderResponse | Failure> {
    const first = await this.#first(request.name, call);
    if (first instanceof Failure) return first;
    return first.kv === undefined ? noLeader : first;
  }

  async #resign({ leader }: pb.ResignRequest, call: Call): Promise<pb.ResignResponse | Failure> {
    if (leader === undefined) return missingLeader;
    const answered = await this.#line.leave({ key: leader.key, createRevision: leader.rev }, call);
    return answered instanceof Failure ? answered : { header: answered.header };
  }

  async #first(
    name: Uint8Array,
    call: Call,
  ): Promise<{ readonly header: ResponseHeader; readonly kv: KeyValue | undefined } | Failure> {
    const request = rangeOf(lineOf(name), { sort: { target: 'create', descending: false }, limit: 1 });
    const answered = await this.#keys.read(request, 'linearizable', call);
    if (answered instanceof Failure) return answered;
    return { header: answered.header, kv: answered.result.pairs[0] };
  }
}
