import { alarms, encodeCommand, type KeyCommand, machineView, needsSpace } from '../../machine/index.ts';
import { quotaSampleMs, requestTimeoutMs } from '../limits.ts';
import type { Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors } from './errors.ts';
import { serverCall } from './server-call.ts';

/**
 * Bounds the state: a write that would take it over the quota is refused and raises the alarm, which stops such writes
 * on every replica until an operator takes it back (wire contract item 18). Unlike in etcd, what counts is the space in
 * use: what a compaction gives back counts no longer.
 */
export class Quota {
  /** Undefined: as much as the disk holds. */
  readonly bytes: number | undefined;
  readonly #access: ReplicaAccess;
  #sampledAt = Number.NEGATIVE_INFINITY;
  /** In use when it was last looked at, and admitted since. */
  #used = 0;
  #settling: Promise<void> | undefined;
  #raising: Promise<unknown> | undefined;

  constructor(access: ReplicaAccess, bytes: number | undefined) {
    this.#access = access;
    this.bytes = bytes;
  }

  /** `size` of the command in bytes; undefined when it may be ordered. */
  refuse(command: KeyCommand, size: number): Failure | undefined | Promise<Failure | undefined> {
    if (this.bytes === undefined || !needsSpace(command)) return undefined;
    if (performance.now() - this.#sampledAt > quotaSampleMs) this.#sample();
    return this.#admits(size, this.bytes) ? undefined : this.#exceeded(size, this.bytes);
  }

  #admits(size: number, bytes: number): boolean {
    if (this.#used + size > bytes) return false;
    this.#used += size;
    return true;
  }

  #sample(): void {
    const { stateBytesInUse, stateBytesPending } = this.#access.replica.status();
    this.#used = stateBytesInUse + stateBytesPending;
    this.#sampledAt = performance.now();
  }

  async #exceeded(size: number, bytes: number): Promise<Failure | undefined> {
    // Perhaps space was given back since: the next write looks again.
    this.#sampledAt = Number.NEGATIVE_INFINITY;
    if (this.#alarmStands()) return etcdErrors.noSpace;
    await this.#settle();
    if (this.#admits(size, bytes)) return undefined;
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    await this.#raising;
    return etcdErrors.noSpace;
  }

  /** What was given back last counts as in use until it is durable, and no alarm is raised for the whole cluster over that. */
  #settle(): Promise<void> {
    this.#settling ??= this.#access.replica
      .flush(requestTimeoutMs)
      .then(() => this.#sample())
      .finally(() => {
        this.#settling = undefined;
      });
    return this.#settling;
  }

  #alarmStands(): boolean {
    const store = this.#access.replica.peek();
    return store !== undefined && alarms(machineView(store)).some(({ alarm }) => alarm === 'noSpace');
  }

  /** Whether it could be raised changes nothing for whoever wanted to write: he is refused, and others will try again. */
  async #raise(): Promise<void> {
    if (this.#alarmStands()) return;
    const member = BigInt(this.#access.replica.status().memberId);
    await this.#access.propose(
      encodeCommand({ type: 'alarm', action: 'activate', member, alarm: 'noSpace' }),
      serverCall,
    );
  }
}
