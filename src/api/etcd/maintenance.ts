import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { type Alarm, type AlarmType, alarms, currentRevision, HashSlices } from '../../machine/index.ts';
import type { ReplicaStatus } from '../../replica/types.ts';
import { snapshotChunkBytes } from '../limits.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors, keyFailure } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdMethod, type EtcdStreamMethod, etcdMethod, etcdStreamMethod } from './method.ts';
import type { Quota } from './quota.ts';
import { etcdVersion } from './version.ts';

/** etcdctl recognises the hash at the end by the length of the rest, which is a multiple of this in etcd. */
const snapshotPageBytes = 512;

/** etcdserverpb.Maintenance, but for alarms. */
export class MaintenanceService {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;
  readonly #quota: Quota;

  constructor(access: ReplicaAccess, headers: ResponseHeaders, quota: Quota) {
    this.#access = access;
    this.#headers = headers;
    this.#quota = quota;
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
      etcdMethod(
        '/etcdserverpb.Maintenance/Defragment',
        '/maintenance/defragment',
        pb.DefragmentRequest,
        pb.DefragmentResponse,
        () => this.#defragment(),
      ),
      etcdMethod(
        '/etcdserverpb.Maintenance/Hash',
        '/maintenance/hash',
        pb.HashRequest,
        pb.HashResponse,
        (_request, call) => this.#hash(call),
      ),
      etcdMethod(
        '/etcdserverpb.Maintenance/HashKV',
        '/maintenance/hashkv',
        pb.HashKVRequest,
        pb.HashKVResponse,
        (request, call) => this.#hashKeys(request, call),
      ),
      etcdMethod(
        '/etcdserverpb.Maintenance/MoveLeader',
        '/maintenance/transfer-leadership',
        pb.MoveLeaderRequest,
        pb.MoveLeaderResponse,
        (request) => this.#moveLeader(request),
      ),
      etcdMethod(
        '/etcdserverpb.Maintenance/Downgrade',
        '/maintenance/downgrade',
        pb.DowngradeRequest,
        pb.DowngradeResponse,
        downgrade,
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
    const view = await this.#access.readForAnybody('local', call);
    const revision = view instanceof Failure ? 0n : currentRevision(view.store);
    const standing = view instanceof Failure ? [] : alarms(view.store);
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
      errors: problems(status, standing),
      isLearner: status.role === 'learner',
      // The level of a file format that is not ours: there is none.
      storageVersion: '',
      dbSizeQuota: BigInt(this.#quota.bytes ?? 0),
      downgradeInfo: undefined,
    };
  }

  /**
   * Space is given back as history is compacted, and used again: there is nothing to stop for. What was given back last
   * counts as free when it is durable, for which whoever asks need not wait longer than that takes.
   */
  async #defragment(): Promise<pb.DefragmentResponse | Failure> {
    const { replica } = this.#access;
    if (await replica.flush()) return { header: undefined };
    return replica.status().storageFull ? etcdErrors.noSpace : etcdErrors.timeout;
  }

  /** Of the whole state of this replica as it is now, whatever the others have applied. */
  async #hash(call: Call): Promise<pb.HashResponse | Failure> {
    const view = await this.#access.read('local', call);
    if (view instanceof Failure) return view;
    const digest = Number.parseInt(this.#access.replica.status().digest.slice(0, 8), 16);
    return { header: this.#headers.header(currentRevision(view.store), view.epoch), hash: digest };
  }

  async #hashKeys({ revision }: pb.HashKVRequest, call: Call): Promise<pb.HashKVResponse | Failure> {
    const slices = new HashSlices(revision);
    for (;;) {
      const view = await this.#access.read('local', call);
      if (view instanceof Failure) return view;
      const hashed = slices.next(view.store);
      if (hashed?.type === 'error') return keyFailure(hashed.code);
      if (hashed !== undefined) {
        const header = this.#headers.header(hashed.present, view.epoch);
        return {
          header,
          hash: hashed.hash,
          compactRevision: hashed.compacted,
          hashRevision: hashed.revision,
        };
      }
      await turn();
      if (call.cancelled) return etcdErrors.cancelled;
      if (call.remainingMs() === 0) return etcdErrors.timeout;
    }
  }

  async #moveLeader({ targetID }: pb.MoveLeaderRequest): Promise<pb.MoveLeaderResponse | Failure> {
    const { replica } = this.#access;
    const { memberId, leader, configuration } = replica.status();
    if (leader !== memberId) return etcdErrors.notLeader;
    const target = configuration.members.find(({ id }) => BigInt(id) === targetID)?.id;
    if (target === undefined || configuration.learners.includes(target))
      return etcdErrors.badLeaderTransferee;
    if (target === memberId || (await replica.transferLeadership(target))) return { header: undefined };
    return etcdErrors.leaderTransferTimeout;
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

/** There is no older level of this server to go back to while it runs. */
function downgrade({ action, version }: pb.DowngradeRequest): Failure {
  if (action === pb.DowngradeRequest_DowngradeAction.CANCEL) return etcdErrors.noInflightDowngrade;
  return /^\d+\.\d+(\.\d+)?$/.test(version)
    ? etcdErrors.invalidDowngradeTargetVersion
    : etcdErrors.wrongDowngradeVersionFormat;
}

/** In the words of etcd, whose tools print them. */
function problems(status: ReplicaStatus, standing: readonly Alarm[]): string[] {
  const errors: string[] = [];
  if (status.leader === undefined) errors.push('etcdserver: no leader');
  for (const { member, alarm } of standing) errors.push(alarmText(member, alarm));
  const full = alarmText(BigInt(status.memberId), 'noSpace');
  if (status.storageFull && !errors.includes(full)) errors.push(full);
  return errors;
}

const alarmText = (member: bigint, alarm: AlarmType): string =>
  `memberID:${member} alarm:${alarm === 'noSpace' ? 'NOSPACE' : 'CORRUPT'} `;
