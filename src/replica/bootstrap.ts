import { equalBytes } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { Writer } from '../core/codec.ts';
import { millis, type NodeId } from '../core/ids.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { ProbeOutcome } from '../transport/peers.ts';
import type { InitialMember, Manifest } from './manifest.ts';

/** Asks a member who it is, and whether it knows us. */
export type Probe = (member: InitialMember, callback: (outcome: ProbeOutcome) => void) => void;

export type BootstrapOutcome =
  | { readonly type: 'admitted'; readonly roster: ReadonlyMap<NodeId, Uint8Array> }
  | { readonly type: 'refused'; readonly reason: string };

const probeIntervalMs = 200;

/**
 * Decides whether an empty replica may vote. It may when every initial member has said that it is empty too, or when one
 * that has begun knows this very directory, because then it was counted before the cluster promised anything. A member
 * that knows another directory under our name proves that this one is a replacement: it must never vote.
 */
export class Bootstrap {
  readonly #manifest: Manifest;
  readonly #baseDigest: Uint8Array;
  readonly #clock: Clock;
  readonly #probe: Probe;
  readonly #onOutcome: (outcome: BootstrapOutcome) => void;
  readonly #onWaiting: (names: readonly string[]) => void;
  readonly #empty = new Map<NodeId, Uint8Array>();
  #timer: Timer | undefined;
  #done = false;

  constructor(options: {
    readonly manifest: Manifest;
    readonly baseDigest: Uint8Array;
    readonly clock: Clock;
    readonly probe: Probe;
    readonly onWaiting: (names: readonly string[]) => void;
    readonly onOutcome: (outcome: BootstrapOutcome) => void;
  }) {
    this.#manifest = options.manifest;
    this.#baseDigest = options.baseDigest;
    this.#clock = options.clock;
    this.#probe = options.probe;
    this.#onWaiting = options.onWaiting;
    this.#onOutcome = options.onOutcome;
  }

  start(): void {
    this.#round();
  }

  stop(): void {
    this.#done = true;
    this.#timer?.cancel();
  }

  #others(): InitialMember[] {
    return this.#manifest.initialMembers.filter((member) => member.id !== this.#manifest.memberId);
  }

  #round(): void {
    if (this.#done) return;
    if (this.#others().every((member) => this.#empty.has(member.id))) {
      const roster = new Map(this.#empty);
      roster.set(this.#manifest.memberId, this.#manifest.storageId);
      return this.#finish({ type: 'admitted', roster });
    }
    for (const member of this.#others()) {
      this.#probe(member, (outcome) => {
        if (!this.#done) this.#learn(member, outcome);
      });
    }
    this.#timer = this.#clock.setTimer(millis(this.#clock.now() + probeIntervalMs), () => {
      const waiting = this.#others().filter((member) => !this.#empty.has(member.id));
      if (waiting.length > 0) this.#onWaiting(waiting.map((member) => member.name));
      this.#round();
    });
  }

  #learn(member: InitialMember, outcome: ProbeOutcome): void {
    if (outcome.type === 'rejected' && outcome.by === 'them' && outcome.reject.code === 'storageChanged') {
      this.#finish({
        type: 'refused',
        reason:
          `${member.name} has already taken part in this cluster with another data directory under the name ` +
          `${this.#manifest.name}. This empty directory must not vote in its place. If the old directory is lost, ` +
          `remove the member ${this.#manifest.name} and add a new one; if not, start with the old directory.`,
      });
    }
    // Any other refusal or failure can heal, and says nothing about this directory.
    if (outcome.type !== 'answered') return;
    const { facts } = outcome;
    if (facts.phase === 'member') {
      // One that has begun and has no record of us was admitted by another: only that other can tell who we are.
      if (!facts.knowsYou) return;
      const roster = new Map([[this.#manifest.memberId, this.#manifest.storageId]]);
      roster.set(member.id, facts.storageId);
      this.#finish({ type: 'admitted', roster });
      return;
    }
    if (!equalBytes(facts.baseDigest, this.#baseDigest)) {
      return this.#finish({
        type: 'refused',
        reason:
          `${member.name} starts from another state than ${this.#manifest.name}: initial members must all be empty, or all ` +
          'be restored from the same snapshot.',
      });
    }
    this.#empty.set(member.id, facts.storageId);
    if (this.#others().every((other) => this.#empty.has(other.id))) this.#round();
  }

  #finish(outcome: BootstrapOutcome): void {
    this.stop();
    this.#onOutcome(outcome);
  }
}

/** Tells initial states apart: what an empty replica, or one restored from a backup, starts from. */
export function baseDigestOf(backend: StoreBackend): Uint8Array {
  const { index } = backend.base().position;
  return new Writer(24).uint(index).raw(backend.digest()).finish();
}
