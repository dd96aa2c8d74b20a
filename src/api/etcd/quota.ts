import { alarms, encodeCommand, type KeyCommand, machineView, needsSpace } from '../../machine/index.ts';
import { quotaSampleMs } from '../limits.ts';
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
  #raising: Promise<unknown> | undefined;

  constructor(access: ReplicaAccess, bytes: number | undefined) {
    this.#access = access;
    this.bytes = bytes;
  }

  /** `size` of the command in bytes; undefined when it may be ordered. */
  refuse(command: KeyCommand, size: number): Failure | undefined | Promise<Failure> {
    if (this.bytes === undefined || !needsSpace(command)) return undefined;
    if (performance.now() - this.#sampledAt > quotaSampleMs) this.#sample();
    if (this.#used + size > this.bytes) return this.#exceeded();
    this.#used += size;
    return undefined;
  }

  #sample(): void {
    const { stateBytesInUse, stateBytesPending } = this.#access.replica.status();
    this.#used = stateBytesInUse + stateBytesPending;
    this.#sampledAt = performance.now();
  }

  async #exceeded(): Promise<Failure> {
    // Perhaps space was given back since: the next write looks again.
    this.#sampledAt = Number.NEGATIVE_INFINITY;
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    await this.#raising;
    return etcdErrors.noSpace;
  }

  /** Whether it could be raised changes nothing for whoever wanted to write: he is refused, and others will try again. */
  async #raise(): Promise<void> {
    const { replica } = this.#access;
    const member = BigInt(replica.status().memberId);
    const store = replica.peek();
    const stands = store !== undefined && alarms(machineView(store)).some(({ alarm }) => alarm === 'noSpace');
    if (stands) return;
    await this.#access.propose(
      encodeCommand({ type: 'alarm', action: 'activate', member, alarm: 'noSpace' }),
      serverCall,
    );
  }
}
