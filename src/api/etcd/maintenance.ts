import { createHash } from 'node:crypto';
import { currentRevision } from '../../machine/key-space/index.ts';
import type { ReplicaStatus } from '../../replica/types.ts';
import { snapshotChunkBytes } from '../limits.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdMethod, type EtcdStreamMethod, etcdMethod, etcdStreamMethod } from './method.ts';
import { etcdVersion } from './version.ts';

/** etcdctl recognises the hash at the end by the length of the rest, which is a multiple of this in etcd. */
const snapshotPageBytes = 512;

/** etcdserverpb.Maintenance: Status and Snapshot. */
export class MaintenanceService {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;

  constructor(access: ReplicaAccess, headers: ResponseHeaders) {
    this.#access = access;
    this.#headers = headers;
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/etcdserverpb.Maintenance/Status',
        '/maintenance/status',
        pb.StatusRequest,
        pb.StatusResponse,
        (_request, call) => this.#status(call),
      ),
    ];
  }

  streams(): EtcdStreamMethod[] {
    return [
      etcdStreamMethod(
        '/etcdserverpb.Maintenance/Snapshot',
        '/maintenance/snapshot',
        pb.SnapshotRequest,
        pb.SnapshotResponse,
        { type: 'serverStream', handle: (_request, call) => this.#snapshot(call) },
      ),
    ];
  }

  /** Of this replica alone: nobody else is asked, so that it answers when nothing else does. */
  async #status(call: Call): Promise<pb.StatusResponse> {
    const view = await this.#access.read('local', call);
    const revision = view instanceof Failure ? 0n : currentRevision(view.store);
    const status = this.#access.replica.status();
    return {
      header: this.#headers.header(revision, status.epoch),
      version: etcdVersion,
      dbSize: BigInt(status.stateBytes),
      dbSizeInUse: BigInt(status.stateBytesInUse),
      leader: BigInt(status.leader ?? 0),
      raftIndex: BigInt(status.committedIndex),
      raftTerm: BigInt(status.epoch),
      raftAppliedIndex: BigInt(status.appliedIndex),
      errors: problems(status),
      isLearner: status.role === 'learner',
      // The level of a file format that is not ours: there is none.
      storageVersion: '',
      dbSizeQuota: 0n,
      downgradeInfo: undefined,
    };
  }

  /**
   * The snapshot, zeros up to a whole number of 512-byte pages, and in a message of its own the SHA-256 of all that.
   * `remaining_bytes` is an estimate.
   */
  async *#snapshot(call: Call): AsyncGenerator<Uint8Array, Failure | undefined, undefined> {
    const hash = createHash('sha256');
    const { stateBytes } = this.#access.replica.status();
    let sent = 0;
    const message = (blob: Uint8Array): Uint8Array => {
      sent += blob.length;
      const remainingBytes = BigInt(Math.max(0, stateBytes - sent));
      return pb.SnapshotResponse.encode({ header: undefined, remainingBytes, blob, version: '' }).finish();
    };
    try {
      for await (const part of this.#access.replica.snapshot()) {
        if (call.cancelled) return etcdErrors.cancelled;
        hash.update(part);
        for (let at = 0; at < part.length; at += snapshotChunkBytes) {
          yield message(part.subarray(at, at + snapshotChunkBytes));
        }
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return new Failure(Code.unavailable, `the snapshot ended before it was complete: ${reason}`);
    }
    const padding = new Uint8Array((snapshotPageBytes - (sent % snapshotPageBytes)) % snapshotPageBytes);
    hash.update(padding);
    if (padding.length > 0) yield message(padding);
    yield message(hash.digest());
    return undefined;
  }
}

/** In the words of etcd, whose tools print them. */
function problems(status: ReplicaStatus): string[] {
  const errors: string[] = [];
  if (status.leader === undefined) errors.push('etcdserver: no leader');
  if (status.storageFull) errors.push(`memberID:${status.memberId} alarm:NOSPACE `);
  return errors;
}
