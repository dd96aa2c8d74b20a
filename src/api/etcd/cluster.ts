import { randomBytes } from 'node:crypto';
import { type NodeId, nodeId } from '../../core/ids.ts';
import { maxPublishedAddressLength } from '../../core/limits.ts';
import type { Configuration, Reconfiguration } from '../../protocol/index.ts';
import { AddressError, isMulticast, isWildcard, parseAddress } from '../../transport/address.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';

/** How addresses become the URLs that etcd's clients expect. */
export interface UrlSchemes {
  readonly peer: 'http' | 'https';
  readonly client: 'http' | 'https';
}

/** etcdserverpb.Cluster. */
export class ClusterService {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;
  readonly #schemes: UrlSchemes;

  constructor(access: ReplicaAccess, headers: ResponseHeaders, schemes: UrlSchemes) {
    this.#access = access;
    this.#headers = headers;
    this.#schemes = schemes;
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/etcdserverpb.Cluster/MemberList',
        '/cluster/member/list',
        pb.MemberListRequest,
        pb.MemberListResponse,
        (request, call) => this.#memberList(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Cluster/MemberAdd',
        '/cluster/member/add',
        pb.MemberAddRequest,
        pb.MemberAddResponse,
        (request, call) => this.#memberAdd(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Cluster/MemberRemove',
        '/cluster/member/remove',
        pb.MemberRemoveRequest,
        pb.MemberRemoveResponse,
        ({ ID }, call) => this.#change(ID, (id) => ({ type: 'remove', id }), call),
      ),
      etcdMethod(
        '/etcdserverpb.Cluster/MemberUpdate',
        '/cluster/member/update',
        pb.MemberUpdateRequest,
        pb.MemberUpdateResponse,
        (request, call) => this.#memberUpdate(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Cluster/MemberPromote',
        '/cluster/member/promote',
        pb.MemberPromoteRequest,
        pb.MemberPromoteResponse,
        ({ ID }, call) => this.#change(ID, (id) => ({ type: 'promote', id }), call),
      ),
    ];
  }

  async #memberList(request: pb.MemberListRequest, call: Call): Promise<pb.MemberListResponse | Failure> {
    const view = await this.#access.readForAnybody(request.linearizable ? 'linearizable' : 'local', call);
    if (view instanceof Failure) return view;
    const members = this.#members(this.#access.replica.status().configuration);
    return { header: this.#headers.header(0n, view.epoch), members };
  }

  /**
   * Answers as soon as the member is known to all. It begins as a learner in any case: one that is to vote becomes a voter by
   * itself when it has caught up, so that adding it takes no quorum from those that are there.
   */
  async #memberAdd(request: pb.MemberAddRequest, call: Call): Promise<pb.MemberAddResponse | Failure> {
    const address = peerAddress(request.peerURLs);
    if (address instanceof Failure) return address;
    const id = newMemberId();
    const added = await this.#change(
      BigInt(id),
      () => ({ type: 'addLearner', id, address, promote: !request.isLearner }),
      call,
    );
    if (added instanceof Failure) return added;
    return { ...added, member: added.members.find(({ ID }) => ID === BigInt(id)) };
  }

  async #memberUpdate(
    request: pb.MemberUpdateRequest,
    call: Call,
  ): Promise<pb.MemberUpdateResponse | Failure> {
    const address = peerAddress(request.peerURLs);
    if (address instanceof Failure) return address;
    return this.#change(request.ID, (id) => ({ type: 'update', id, address }), call);
  }

  async #change(
    member: bigint,
    change: (id: NodeId) => Reconfiguration,
    call: Call,
  ): Promise<{ readonly header: pb.ResponseHeader; readonly members: pb.Member[] } | Failure> {
    if (member <= 0n || member > BigInt(Number.MAX_SAFE_INTEGER)) return etcdErrors.memberNotFound;
    const configuration = await this.#access.reconfigure(change(nodeId(Number(member))), call);
    if (configuration instanceof Failure) return configuration;
    const { epoch } = this.#access.replica.status();
    return { header: this.#headers.header(0n, epoch), members: this.#members(configuration) };
  }

  #members(configuration: Configuration): pb.Member[] {
    const addresses = this.#access.replica.clientAddresses();
    return configuration.members.map((member) => ({
      ID: BigInt(member.id),
      // A member that has never started has not published anything; etcd shows it without a name.
      name: addresses.has(member.id) ? member.name : '',
      peerURLs: [url(this.#schemes.peer, member.address)],
      clientURLs: this.#clientUrls(addresses, member.id),
      isLearner: configuration.learners.includes(member.id),
    }));
  }

  #clientUrls(addresses: ReadonlyMap<NodeId, readonly string[]>, id: NodeId): string[] {
    return (addresses.get(id) ?? []).map((address) => url(this.#schemes.client, address));
  }
}

const url = (scheme: string, address: string): string =>
  address.includes('://') ? address : `${scheme}://${address}`;

const onePeerUrl = new Failure(
  Code.invalidArgument,
  'a member has one peer URL, http://HOST:PORT or https://HOST:PORT; nothing was changed',
  { 'quorate-outcome': 'refused' },
);

const nowhere = (address: string): Failure =>
  new Failure(
    Code.invalidArgument,
    `nobody can connect to ${address}; name the address that the others reach the member at; nothing was changed`,
    { 'quorate-outcome': 'refused' },
  );

/** host:port of the one URL that a member has here. */
function peerAddress(urls: readonly string[]): string | Failure {
  const [first] = urls;
  if (first === undefined) return etcdErrors.memberBadUrls;
  if (urls.length > 1) return onePeerUrl;
  const address = /^https?:\/\/([^/?#@\s]+:\d{1,5})\/?$/.exec(first)?.[1];
  if (address === undefined || address.length > maxPublishedAddressLength) return etcdErrors.memberBadUrls;
  const parsed = parseAddress(address);
  // The parser of URLs also refuses hosts that look like addresses and are none.
  if (parsed instanceof AddressError || parsed.port === 0 || !URL.canParse(`http://${address}`))
    return etcdErrors.memberBadUrls;
  return isWildcard(parsed.host) || isMulticast(parsed.host) ? nowhere(address) : address;
}

/** Never one that was used before: 52 random bits, and no removed id is ever taken again. */
const newMemberId = (): NodeId => nodeId(Number(randomBytes(8).readBigUInt64BE() >> 12n) + 1);
