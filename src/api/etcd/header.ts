import type { Epoch } from '../../core/ids.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import type { ResponseHeader } from './gen/etcdserverpb/rpc.ts';

/** Fills in what every answer says about who gave it. */
export class ResponseHeaders {
  readonly #replica: ReplicaHandle;
  #identity: { readonly clusterId: bigint; readonly memberId: bigint } | undefined;

  constructor(replica: ReplicaHandle) {
    this.#replica = replica;
  }

  /** `revision` 0 where the answer is not about the key space. */
  header(revision: bigint, epoch: Epoch): ResponseHeader {
    const { clusterId, memberId } = this.#known();
    return { clusterId, memberId, revision, raftTerm: BigInt(epoch) };
  }

  // Both are settled before a replica answers anything, and never change.
  #known(): { readonly clusterId: bigint; readonly memberId: bigint } {
    if (this.#identity === undefined) {
      const { clusterId, memberId } = this.#replica.status();
      this.#identity = { clusterId, memberId: BigInt(memberId) };
    }
    return this.#identity;
  }
}
