import type { NodeId } from '../../core/ids.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';

/** How addresses become the URLs that etcd's clients expect. */
export interface UrlSchemes {
  readonly peer: 'http' | 'https';
  readonly client: 'http' | 'https';
}

/** etcdserverpb.Cluster: MemberList. */
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
    ];
  }

  async #memberList(request: pb.MemberListRequest, call: Call): Promise<pb.MemberListResponse | Failure> {
    const view = await this.#access.readForAnybody(request.linearizable ? 'linearizable' : 'local', call);
    if (view instanceof Failure) return view;
    const { configuration } = this.#access.replica.status();
    const addresses = this.#access.replica.clientAddresses();
    const members = configuration.members.map((member) => ({
      ID: BigInt(member.id),
      // A member that has never started has not published anything; etcd shows it without a name.
      name: addresses.has(member.id) ? member.name : '',
      peerURLs: [url(this.#schemes.peer, member.address)],
      clientURLs: this.#clientUrls(addresses, member.id),
      isLearner: configuration.learners.includes(member.id),
    }));
    return { header: this.#headers.header(0n, view.epoch), members };
  }

  #clientUrls(addresses: ReadonlyMap<NodeId, readonly string[]>, id: NodeId): string[] {
    return (addresses.get(id) ?? []).map((address) => url(this.#schemes.client, address));
  }
}

const url = (scheme: string, address: string): string =>
  address.includes('://') ? address : `${scheme}://${address}`;
