import { assert, assertNever } from '../core/assert.ts';
import { Malformed } from '../core/codec.ts';
import {
  type ClusterTime,
  epoch,
  type Index,
  type Millis,
  millis,
  type NodeId,
  type Token,
} from '../core/ids.ts';
import { maxPendingStoreBytes, maxWaitingReads, serveSliceReads, sweepIntervalMs } from '../core/limits.ts';
import { machineView } from '../machine/index.ts';
import type { Configuration, Effect, Input, Reconfiguration } from '../protocol/index.ts';
import { Alarm } from './alarm.ts';
import { Applier } from './applier.ts';
import { Changes } from './changes.ts';
import { ClusterClock } from './cluster-clock.ts';
import type { DriverOptions, Leadership } from './driver-options.ts';
import { Duties } from './duties.ts';
import { checkFeatureLevel } from './feature-level.ts';
import { decodeFrame } from './frames.ts';
import { Notices } from './notices.ts';
import { Outbox } from './outbox.ts';
import type { Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { Submissions } from './submissions.ts';
import type { ChangeOutcome, Outcome, ReadConsistency, ReadOutcome } from './types.ts';

/**
 * The turn loop. Everything that happened during one turn of the event loop is stepped through the protocol together;
 * the effects are carried out in order: writes join the journal's next batch, messages wait for the write that they
 * depend on, committed entries are applied, and whoever waits for them is told. No promise and no I/O of its own: the
 * simulator runs this very code.
 */
export class Driver {
  readonly notices = new Notices();
  readonly #options: DriverOptions;
  readonly #applier: Applier;
  readonly #outbox: Outbox;
  readonly #submissions: Submissions;
  readonly #proposals: Proposals;
  readonly #reads = new Reads();
  readonly #changes: Changes;
  readonly #clusterClock: ClusterClock;
  readonly #duties: Duties;
  #inputs: Input[] = [];
  #scheduled = false;
  #started = false;
  #stopped = false;
  #leadership: Leadership = { role: 'follower', leader: undefined, epoch: epoch(0) };
  #configuration: Configuration;
  #appliedConfiguration: Configuration;
  #installing = false;
  readonly #alarm: Alarm;
  #sweepAt: Millis;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#applier = new Applier(
      options.backend,
      options.replicated,
      options.clock,
      options.applySliceEntries,
    );
    this.#alarm = new Alarm(options.clock, () => this.#schedule());
    this.#outbox = new Outbox(options.definition, options.links, (peer) =>
      this.input({ type: 'credit', peer, bytes: 0 }),
    );
    this.#submissions = new Submissions(options.self, options.session, options.links, options.system);
    this.#proposals = this.#submissions.proposals;
    const { configuration, position } = options.backend.base();
    this.#configuration = configuration;
    this.#appliedConfiguration = configuration;
    this.#changes = new Changes(options.self, options.session.incarnation, options.links, configuration);
    this.#clusterClock = new ClusterClock(position.time, options.clock.now());
    this.#sweepAt = millis(options.clock.now() + sweepIntervalMs);
    this.#duties = new Duties({
      duties: options.replicated.machine.duties,
      state: () => machineView(options.backend.store),
      propose: (command, timeoutMs, settle) => this.propose(command, timeoutMs, settle),
    });
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  get committedIndex(): Index {
    return this.#applier.committed;
  }

  get outstanding(): number {
    return this.#proposals.outstanding;
  }

  clusterTime(): ClusterTime {
    return this.#clusterClock.estimate(this.#options.clock.now(), this.#leadership.leader !== undefined);
  }

  /** Begins with what was found on disk. */
  start(records: readonly Uint8Array[]): void {
    this.#started = true;
    // Links and a full disk may have been heard of already; they wait for this.
    this.#inputs.unshift({ type: 'recovered', base: this.#applier.base, records });
    this.#review();
  }

  /** The machine's own commands end, so that there comes an end to what is outstanding. */
  endDuties(): void {
    this.#duties.end();
  }

  /** After this nothing is called back any more but the outcomes, here and now. */
  stop(): void {
    this.#stopped = true;
    this.#alarm.cancel();
    this.#proposals.settleAll();
    this.#reads.settleAll();
    this.#changes.settleAll();
  }

  input(input: Input): void {
    this.#inputs.push(input);
    this.#schedule();
  }

  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    this.#submissions.propose(command, millis(this.#options.clock.now() + timeoutMs), settle);
    this.#schedule();
  }

  reconfigure(change: Reconfiguration, timeoutMs: number, settle: (outcome: ChangeOutcome) => void): void {
    this.#changes.request(change, millis(this.#options.clock.now() + timeoutMs), settle);
    this.#schedule();
  }

  read(consistency: ReadConsistency, timeoutMs: number, settle: (outcome: ReadOutcome) => void): void {
    const { backend } = this.#options;
    const readable = (): ReadOutcome => {
      const { index: applied, epoch: at } = this.#applier.base.position;
      return { type: 'readable', store: backend.store, index: applied, epoch: at };
    };
    if (consistency === 'local') return settle(readable());
    if (this.#reads.waiting >= maxWaitingReads) return settle({ type: 'refused', reason: 'overloaded' });
    this.#reads.add(millis(this.#options.clock.now() + timeoutMs), (served) =>
      settle(served ? readable() : { type: 'refused', reason: this.#stopped ? 'stopping' : 'timeout' }),
    );
    this.#schedule();
  }

  durable(upTo: Token): void {
    this.#outbox.release(upTo);
    this.input({ type: 'durable', upTo });
  }

  link(peer: NodeId, session: number, up: boolean): void {
    this.input({ type: 'link', peer, session, up });
    if (up) this.input({ type: 'credit', peer, bytes: this.#options.links.credit(peer) });
    // What was on its way to the leader when the link broke may be lost.
    if (up && peer === this.#leadership.leader) this.#askAgain();
  }

  /** What came from a peer. */
  frame(from: NodeId, kind: number, payload: Uint8Array): void {
    const frame = decodeFrame(this.#options.definition, kind, payload);
    if (frame instanceof Malformed) {
      const fields = { from, reason: frame.message };
      return this.#options.observer.log('warn', 'unreadable frame from a peer was dropped', fields);
    }
    switch (frame.type) {
      case 'message':
        return this.input({ type: 'message', from, message: frame.message });
      case 'forward':
        this.#submissions.forwarded(from, frame.forward);
        return this.#schedule();
      case 'refused':
        return this.#submissions.refused(frame.refused);
      case 'change':
        this.#changes.forwarded(from, frame.change);
        return this.#schedule();
      case 'changeRefused':
        return this.#changes.refused(frame.refused, frame.refused.reason);
      default:
        assertNever(frame);
    }
  }

  /** The snapshot that the protocol chose has replaced the state. */
  installed(snapshot: number): void {
    this.#installing = false;
    this.#applier.restart();
    this.#stateChanged();
    this.input({ type: 'installed', snapshot });
    // What a snapshot brought may hold our own commands: the session answers for those when they come again.
    this.#askAgain();
    this.#review();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped || !this.#started) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => {
      this.#scheduled = false;
      if (this.#stopped) return;
      try {
        this.#turn();
      } catch (error) {
        this.#options.host.halt(error);
      }
    });
  }

  #turn(): void {
    const { clock, protocol, observer, links, log } = this.#options;
    const now = clock.now();
    if (now >= this.#sweepAt) this.#sweep(now);
    const read = this.#reads.take(now);
    if (read !== undefined) this.#inputs.push({ type: 'read', id: read });
    for (const input of this.#submissions.collect(now, this.#leadership)) this.#inputs.push(input);
    for (const input of this.#changes.collect(now, this.#leadership)) this.#inputs.push(input);
    const inputs = this.#inputs;
    this.#inputs = [];
    const effects = protocol.step(now, inputs);
    observer.stepped?.(now, inputs, effects, protocol);
    for (const effect of effects) this.#perform(effect);
    this.#submissions.sendRefusals();
    // The disk and the others work while entries are applied here.
    log.flush();
    links.flush();
    this.#apply();
    // An entry that was applied may have ended this replica.
    if (this.#stopped) return;
    this.#duties.turn(now, this.#applier.base.position.time);
    this.#arm(now);
    this.notices.tell();
    observer.turned?.({
      inputs: inputs.length,
      proposals: this.#proposals.outstanding,
      reads: this.#reads.waiting,
      unapplied: this.#applier.backlog,
    });
  }

  #perform(effect: Effect): void {
    const { log, host, observer } = this.#options;
    switch (effect.type) {
      case 'persist':
        return log.append(effect.token, effect.records);
      case 'send':
        return this.#outbox.send(effect.to, effect.message, effect.after);
      case 'commit':
        assert(!this.#installing, 'entries were committed while a snapshot is being installed');
        return this.#applier.enqueue(effect.entries);
      case 'readable':
        return this.#reads.readable(effect.id, effect.index);
      case 'readFailed':
        return this.#reads.failed(effect.id);
      case 'refuse':
        return effect.id < 0
          ? this.#changes.refuse(effect.id, effect.reason)
          : this.#submissions.refuse(effect.id, effect.reason);
      case 'status':
        return this.#led({ role: effect.role, leader: effect.leader, epoch: effect.epoch });
      case 'configuration':
        this.#configuration = effect.configuration;
        return host.configurationChanged(effect.configuration);
      case 'checkpoint':
        return host.checkpoint();
      case 'compact':
        return log.compact(effect.below, effect.head);
      case 'sendSnapshot':
        return host.sendSnapshot(effect.to, effect.epoch);
      case 'install':
        this.#installing = true;
        return host.installSnapshot(effect.snapshot);
      case 'discard':
        return host.discardSnapshot(effect.snapshot);
      case 'trace':
        return observer.log('debug', effect.event, { detail: effect.detail });
      case 'final':
      case 'rollback':
      case 'pending':
      case 'blocked':
        return assert(false, `${effect.type} from a protocol that declares instant finality and total order`);
      default:
        assertNever(effect);
    }
  }

  #led(leadership: Leadership): void {
    const before = this.#leadership;
    this.#leadership = leadership;
    if (leadership.leader !== before.leader || leadership.epoch !== before.epoch) {
      this.notices.leadership.mark();
      this.#askAgain();
      this.#review();
    }
    const { role, epoch: at } = leadership;
    this.#duties.led(role === 'leader' ? at : undefined, this.#options.clock.now());
    this.#options.host.led(leadership);
  }

  #apply(): void {
    // What is queued while a snapshot replaces the state is part of the snapshot.
    if (this.#installing) return;
    const before = this.#applier.base.position.index;
    if (this.#storeKeepsUp()) this.#applySlice();
    const { index: applied } = this.#applier.base.position;
    if (this.#reads.serve(applied, serveSliceReads)) this.#schedule();
    if (applied === before) return;
    this.#stateChanged();
    // It waits for the next turn, whatever that comes for: it is no news that a protocol has to act on.
    this.#inputs.push({ type: 'applied', upTo: applied });
  }

  #stateChanged(): void {
    const { configuration } = this.#applier.base;
    if (configuration !== this.#appliedConfiguration) {
      this.#appliedConfiguration = configuration;
      this.#changes.applied(configuration);
      this.#options.host.configurationApplied(configuration);
      // Whoever was removed holds up no feature level any more.
      this.#review();
    }
    this.#clusterClock.applied(this.#applier.base.position.time, this.#options.clock.now());
    this.notices.applied.mark();
  }

  /** When the disk does not keep up, entries wait in the log, which is bounded too, until a flush has made room. */
  #storeKeepsUp(): boolean {
    const { backend, host } = this.#options;
    const keepsUp = backend.pendingBytes() <= maxPendingStoreBytes;
    if (!keepsUp) host.checkpoint();
    return keepsUp;
  }

  #applySlice(): void {
    let systemChanged = false;
    let now: Millis | undefined;
    this.#applier.slice((entry, applied) => {
      now ??= this.#options.clock.now();
      this.#options.observer.applied?.(entry);
      this.#duties.applied(entry, now);
      if (applied?.type === 'command') {
        if (!this.#submissions.executed(entry, applied))
          this.#options.observer.log('warn', 'a command of a session that has ended was not executed');
      } else if (applied !== undefined && applied.type !== 'malformed') systemChanged = true;
      if (applied?.type === 'featureLevel')
        checkFeatureLevel(applied.level, this.#options.replicated.machine);
    });
    if (systemChanged) this.#review();
    if (this.#applier.backlog > 0) this.#schedule();
  }

  #review(): void {
    const { system, backend } = this.#options;
    system.review(backend.store, this.#leadership.role === 'leader', this.#configuration.voters);
    this.#schedule();
  }

  #sweep(now: Millis): void {
    this.#sweepAt = millis(now + sweepIntervalMs);
    this.#proposals.expire(now);
    this.#changes.expire(now);
    this.#reads.expire(now);
    this.#proposals.resubmitStale(now, this.#leadership.role === 'leader');
    this.#reads.retryStale(now);
  }

  /** The one who was asked may have lost it, or cannot answer any more. */
  #askAgain(): void {
    this.#options.system.again();
    this.#changes.again();
    this.#proposals.resubmit();
    this.#reads.retry();
    this.#schedule();
  }

  /** For the protocol's deadline, the machine's duties and, while somebody waits, the sweep. */
  #arm(now: Millis): void {
    const { protocol, system } = this.#options;
    const asked = this.#proposals.outstanding + this.#reads.waiting + this.#changes.outstanding;
    const waiting = asked > 0 || system.pending;
    if (waiting) this.#alarm.set(millis(Math.max(this.#sweepAt, now)));
    this.#alarm.set(protocol.nextDeadline());
    this.#alarm.set(this.#duties.deadline);
  }
}
