import { equalBytes } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { Writer } from '../core/codec.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { lostDirectoryAdvice } from '../storage/advice.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { ProbeOutcome } from '../transport/peers.ts';
import type { InitialMember, KnownMember, Manifest, Roster } from './manifest.ts';
import { removedText } from './replica-error.ts';

/** Asks a member who it is, and whether it knows us. */
export type Probe = (member: InitialMember, callback: (outcome: ProbeOutcome) => void) => void;

export type BootstrapOutcome =
  | { readonly type: 'admitted'; readonly roster: Roster }
  | { readonly type: 'refused'; readonly code: 'REPLACED' | 'REMOVED'; readonly reason: string };

const probeIntervalMs = 200;
/** How often the same names are told again. */
const waitingRepeatMs = 10_000;
/** Longer than a probe takes, and short enough that the answers belong together. */
const answerHoldsMs = 5_000;

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
  /** What was heard of the others, and when; it holds for a while only, since a disk can be lost in between. */
  readonly #heard = new Map<NodeId, { readonly known: KnownMember; readonly at: Millis }>();
  #told: { readonly names: string; readonly at: Millis } | undefined;
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
    if (this.#others().length === 0) this.#admitIfAllAreEmpty();
    else this.#round();
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
    for (const member of this.#others()) {
      this.#probe(member, (outcome) => {
        if (!this.#done) this.#learn(member, outcome);
      });
    }
    this.#timer = this.#clock.setTimer(millis(this.#clock.now() + probeIntervalMs), () => {
      const waiting = this.#others().filter((member) => !this.#isEmpty(member.id));
      if (waiting.length > 0) this.#tellWaiting(waiting.map((member) => member.name));
      this.#round();
    });
  }

  #tellWaiting(missing: readonly string[]): void {
    const [names, now] = [missing.join(), this.#clock.now()];
    if (this.#told?.names === names && now - this.#told.at < waitingRepeatMs) return;
    this.#told = { names, at: now };
    this.#onWaiting(missing);
  }

  #learn(member: InitialMember, outcome: ProbeOutcome): void {
    if (outcome.type === 'rejected' && outcome.by === 'them' && outcome.reject.code === 'storageChanged') {
      this.#finish({
        type: 'refused',
        code: 'REPLACED',
        reason:
          `${member.name} has already taken part in this cluster with another data directory under the name ` +
          `${this.#manifest.name}. This empty directory must not vote in its place. Start with the old ` +
          `directory. If that is lost: ${lostDirectoryAdvice}`,
      });
    }
    if (outcome.type === 'rejected' && outcome.by === 'them' && outcome.reject.code === 'removed') {
      this.#finish({ type: 'refused', code: 'REMOVED', reason: removedText(this.#manifest.name) });
    }
    // Any other refusal or failure can heal, and says nothing about this directory.
    if (outcome.type !== 'answered') return;
    const { facts } = outcome;
    if (facts.phase === 'member') {
      // One that has begun and has no record of us was admitted by another: only that other can tell who we are.
      if (!facts.knowsYou) return;
      const roster = new Map([[member.id, facts]]);
      this.#finish({ type: 'admitted', roster });
      return;
    }
    if (!equalBytes(facts.baseDigest, this.#baseDigest)) {
      return this.#finish({
        type: 'refused',
        code: 'REPLACED',
        reason:
          `${member.name} starts from another state than ${this.#manifest.name}: initial members must all be empty, or all ` +
          'be restored from the same snapshot.',
      });
    }
    this.#heard.set(member.id, { known: facts, at: this.#clock.now() });
    this.#admitIfAllAreEmpty();
  }

  #isEmpty(id: NodeId): boolean {
    const heard = this.#heard.get(id);
    return heard !== undefined && this.#clock.now() - heard.at <= answerHoldsMs;
  }

  #admitIfAllAreEmpty(): void {
    if (!this.#others().every((other) => this.#isEmpty(other.id))) return;
    const roster = new Map([...this.#heard].map(([id, { known }]) => [id, known]));
    this.#finish({ type: 'admitted', roster });
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
