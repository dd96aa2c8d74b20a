import { emptyBytes } from '../../core/bytes.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { Changes } from './changes.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/v3lockpb/v3lock.ts';
import type { KeyAccess } from './key-access.ts';
import type { LeaseGrants } from './lease-grants.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';
import { keyRange } from './requests.ts';
import { WaitingLine } from './waiting-line.ts';

/** In this package names are bytes. */
const bytesFields: ReadonlySet<string> = new Set(['name', 'key']);

/** v3lockpb.Lock: locks that the server waits for on behalf of its clients. */
export class LockService {
  readonly #keys: KeyAccess;
  readonly #grants: LeaseGrants;
  readonly #line: WaitingLine;

  constructor(keys: KeyAccess, changes: Changes, grants: LeaseGrants) {
    this.#keys = keys;
    this.#grants = grants;
    this.#line = new WaitingLine(keys, changes, etcdErrors.lockSessionExpired);
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/v3lockpb.Lock/Lock',
        '/lock/lock',
        pb.LockRequest,
        pb.LockResponse,
        (request, call) => this.#lock(request, call),
        bytesFields,
      ),
      etcdMethod(
        '/v3lockpb.Lock/Unlock',
        '/lock/unlock',
        pb.UnlockRequest,
        pb.UnlockResponse,
        (request, call) => this.#unlock(request, call),
        bytesFields,
      ),
    ];
  }

  async #lock(request: pb.LockRequest, call: Call): Promise<pb.LockResponse | Failure> {
    const lease = await this.#grants.session(request.lease, call);
    if (lease instanceof Failure) return lease;
    const place = await this.#line.join(request.name, lease, emptyBytes, call);
    if (place instanceof Failure) return place;
    const header = await this.#line.first(place, call);
    return header instanceof Failure ? header : { header, key: place.key };
  }

  async #unlock(request: pb.UnlockRequest, call: Call): Promise<pb.UnlockResponse | Failure> {
    const range = keyRange(request.key, emptyBytes);
    const answered = await this.#keys.execute({ type: 'delete', range, previous: false }, call);
    return answered instanceof Failure ? answered : { header: answered.header };
  }
}
