import { setImmediate as turn } from 'node:timers/promises';
import { emptyBytes } from '../../core/bytes.ts';
import type { ReadStore } from '../../core/store.ts';
import { currentRevision, lease, leaseKeys, leases, type Need, needsOfLease } from '../../machine/index.ts';
import { leasesSlice } from '../limits.ts';
import { type Call, Failure, type FaultReport } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { KeepAliveStream } from './keep-alive.ts';
import type { KeyAccess } from './key-access.ts';
import type { LeaseGrants } from './lease-grants.ts';
import { type EtcdMethod, type EtcdStreamMethod, etcdMethod, etcdStreamMethod } from './method.ts';
import { Renewals } from './renewals.ts';
import { keyRange } from './requests.ts';

export interface LeaseServiceOptions {
  readonly access: ReplicaAccess;
  readonly headers: ResponseHeaders;
  readonly keys: KeyAccess;
  readonly grants: LeaseGrants;
  /** Told of an exception, which no client should be able to cause. */
  readonly fault: FaultReport;
}

/** etcdserverpb.Lease. */
export class LeaseService {
  readonly #options: LeaseServiceOptions;
  readonly #renewals: Renewals;

  constructor(options: LeaseServiceOptions) {
    this.#options = options;
    const { authenticator } = options.access;
    this.#renewals = new Renewals(options.keys, () => authenticator.state?.enabled === true);
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/etcdserverpb.Lease/LeaseGrant',
        ['/lease/grant'],
        pb.LeaseGrantRequest,
        pb.LeaseGrantResponse,
        (request, call) => this.#grant(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Lease/LeaseRevoke',
        ['/lease/revoke', '/kv/lease/revoke'],
        pb.LeaseRevokeRequest,
        pb.LeaseRevokeResponse,
        (request, call) => this.#revoke(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Lease/LeaseTimeToLive',
        ['/lease/timetolive', '/kv/lease/timetolive'],
        pb.LeaseTimeToLiveRequest,
        pb.LeaseTimeToLiveResponse,
        (request, call) => this.#timeToLive(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Lease/LeaseLeases',
        ['/lease/leases', '/kv/lease/leases'],
        pb.LeaseLeasesRequest,
        pb.LeaseLeasesResponse,
        (_request, call) => this.#leases(call),
      ),
    ];
  }

  streams(): EtcdStreamMethod[] {
    const { access, headers, fault } = this.#options;
    const deny = (stream: Call, lease: bigint): Failure | undefined =>
      access.deny(stream, (store) => ({
        type: 'keys',
        needs: needsOfLease(lease, (id) => leaseKeys(store, id)),
      }));
    const options = { replica: access.replica, headers, renewals: this.#renewals, deny, fault };
    return [
      etcdStreamMethod(
        '/etcdserverpb.Lease/LeaseKeepAlive',
        '/lease/keepalive',
        pb.LeaseKeepAliveRequest,
        pb.LeaseKeepAliveResponse,
        { type: 'bidi', open: (stream) => new KeepAliveStream(options, stream) },
      ),
    ];
  }

  async #grant({ ID, TTL }: pb.LeaseGrantRequest, call: Call): Promise<pb.LeaseGrantResponse | Failure> {
    const answered = await this.#options.grants.grant(ID, TTL, call);
    if (answered instanceof Failure) return answered;
    const { lease, ttl } = answered.result;
    return { header: answered.header, ID: lease, TTL: BigInt(ttl), error: '' };
  }

  async #revoke({ ID }: pb.LeaseRevokeRequest, call: Call): Promise<pb.LeaseRevokeResponse | Failure> {
    const answered = await this.#options.keys.execute({ type: 'revoke', lease: ID }, call);
    return answered instanceof Failure ? answered : { header: answered.header };
  }

  async #timeToLive(
    { ID, keys }: pb.LeaseTimeToLiveRequest,
    call: Call,
  ): Promise<pb.LeaseTimeToLiveResponse | Failure> {
    const { access, headers } = this.#options;
    const view = await access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const { store } = view;
    const denied = view.deny(() =>
      keys ? { type: 'keys', needs: readsOf(leaseKeys(store, ID)) } : { type: 'user' },
    );
    if (denied !== undefined) return denied;
    const header = headers.header(currentRevision(view.store), view.epoch);
    const found = lease(view.store, ID);
    if (found === undefined) return { header, ID, TTL: -1n, grantedTTL: 0n, keys: [] };
    const remainingMs = found.remaining(access.replica.clusterTime());
    return {
      header,
      ID,
      TTL: BigInt(Math.floor(remainingMs / 1000)),
      grantedTTL: BigInt(found.ttl),
      keys: keys ? leaseKeys(view.store, ID) : [],
    };
  }

  /** Whoever may not read the keys of one of them is told of none. */
  async #leases(call: Call): Promise<pb.LeaseLeasesResponse | Failure> {
    const { access, headers } = this.#options;
    let view = await access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const header = headers.header(currentRevision(view.store), view.epoch);
    const found: pb.LeaseStatus[] = [];
    for (;;) {
      const { store } = view;
      const slice = leases(store, found.at(-1)?.ID, leasesSlice);
      const denied = view.deny(() => ({ type: 'keys', needs: readsOf(keysOfAll(store, slice)) }));
      if (denied !== undefined) return denied;
      for (const ID of slice) found.push({ ID });
      if (slice.length < leasesSlice) return { header, leases: found };
      await turn();
      if (call.cancelled) return etcdErrors.cancelled;
      if (call.remainingMs() === 0) return etcdErrors.timeout;
      view = await access.read('local', call);
      if (view instanceof Failure) return view;
    }
  }
}

/** To be told of a lease and its keys is to read them. */
function* readsOf(keys: Iterable<Uint8Array>): Generator<Need, undefined, undefined> {
  for (const key of keys) yield { access: 'read', range: keyRange(key, emptyBytes) };
}

function* keysOfAll(store: ReadStore, ids: readonly bigint[]): Generator<Uint8Array, undefined, undefined> {
  for (const id of ids) yield* leaseKeys(store, id);
}
