import { assert, present } from '../core/assert.ts';
import { Malformed } from '../core/codec.ts';
import {
  type CommandId,
  clusterTime,
  epoch,
  type Index,
  index,
  type Millis,
  millis,
  type NodeId,
  type ReadId,
  type Token,
} from '../core/ids.ts';
import { Random } from '../core/random.ts';
import type { Base, CommittedEntry, Effect, Input, Message, Protocol } from './contract.ts';
import type { LeaseReads, ProtocolDefinition, ProtocolOptions, Timing } from './definition.ts';
import { type Configuration, decodeConfiguration } from './membership.ts';
import { type Disk, emptyDisk, writeDown } from './rehearsal-disk.ts';

/**
 * Replicas in memory whose every message, write, crash and tick is decided by the caller: for directed schedules,
 * readable scenarios and random search. Disks forget what was not synced; messages pass through the codec; every replica has
 * its own clock, since clocks of different hosts have nothing in common.
 */
export interface RehearsalOptions<M extends Message> {
  readonly definition: Pick<ProtocolDefinition<M>, 'encodeMessage' | 'decodeMessage' | 'describeMessage'>;
  readonly create: (options: ProtocolOptions) => Protocol<M>;
  readonly configuration: Configuration;
  /** Replicas beside the members: empty, and to be added. */
  readonly spares?: readonly NodeId[];
  readonly timing: Timing;
  readonly leaseReads?: LeaseReads | undefined;
  readonly seed: string;
  /** Called after each step of a replica, when its effects have been taken in. */
  readonly observer?: Observer<M>;
}

/** What an operator may change from one start to the next. */
type Settings = Pick<ProtocolOptions, 'timing' | 'leaseReads'>;

export interface Observer<M extends Message> {
  stepped(actor: Actor<M>, inputs: readonly Input<M>[], effects: readonly Effect<M>[]): void;
  crashed(actor: Actor<M>): void;
}

/** One replica with its host. */
export interface Actor<M extends Message> {
  readonly id: NodeId;
  /** Undefined while it is down. */
  protocol: Protocol<M> | undefined;
  now: Millis;
  readonly disk: Disk<M>;
  /** Everything applied, from index 1 on, whether by commits or by snapshots. */
  applied: CommittedEntry[];
  status: Extract<Effect<M>, { type: 'status' }> | undefined;
  readonly reads: Map<ReadId, ReadResult>;
  readonly refusals: Map<CommandId, string>;
  /** Snapshots received and not answered yet, with their content. */
  readonly snapshots: Map<number, { readonly base: Base; readonly content: readonly CommittedEntry[] }>;
  /** The snapshot to be put in place next. */
  installing: number | undefined;
  starts: number;
}

export type ReadResult =
  | { readonly type: 'readable'; readonly index: Index }
  | { readonly type: 'failed'; readonly reason: string };

/** Something on its way. A snapshot is one envelope. */
export type Envelope<M extends Message> = { readonly from: NodeId; readonly to: NodeId } & (
  | { readonly type: 'message'; readonly message: M }
  | {
      readonly type: 'snapshot';
      readonly epoch: number;
      readonly base: Base;
      readonly content: readonly CommittedEntry[];
    }
);

export class Rehearsal<M extends Message> {
  readonly #options: RehearsalOptions<M>;
  readonly actors: ReadonlyMap<NodeId, Actor<M>>;
  /** On its way, in the order of sending; to be delivered in any order, twice, or never. */
  readonly network: Envelope<M>[] = [];
  /** Of whoever starts from now on. */
  settings: Settings;
  /** How many messages were sent, snapshots apart. */
  sent = 0;
  #snapshots = 0;

  constructor(options: RehearsalOptions<M>) {
    this.#options = options;
    const { timing, leaseReads } = options;
    this.settings = { timing, ...(leaseReads === undefined ? {} : { leaseReads }) };
    const members = options.configuration.members.map((member) => member.id);
    const ids = [...members, ...(options.spares ?? [])];
    this.actors = new Map(ids.map((id) => [id, newActor<M>(id)]));
    for (const id of ids) this.start(id);
  }

  actor(id: NodeId): Actor<M> {
    return present(this.actors.get(id), `there is no replica ${id}`);
  }

  /** Hands inputs to a replica that is up, at its own present time. */
  step(id: NodeId, ...inputs: Input<M>[]): void {
    const actor = this.actor(id);
    const protocol = present(actor.protocol, `replica ${id} is up`);
    const effects = protocol.step(actor.now, inputs);
    for (const effect of effects) this.#carryOut(actor, effect);
    this.#options.observer?.stepped(actor, inputs, effects);
    const commits = effects.some((effect) => effect.type === 'commit');
    if (commits) this.step(id, { type: 'applied', upTo: index(actor.applied.length) });
  }

  /** Delivers what is at `position` of the network; it stays there when `keep`. */
  deliver(position: number, keep = false): void {
    const envelope = present(this.network[position], 'there is something to deliver');
    if (!keep) this.network.splice(position, 1);
    if (this.actor(envelope.to).protocol === undefined) {
      if (envelope.type === 'snapshot') this.#endSnapshot(envelope, false);
      return;
    }
    const { from, to } = envelope;
    if (envelope.type === 'message') {
      this.step(to, { type: 'message', from, message: this.#transcode(envelope.message) });
      return;
    }
    const snapshot = ++this.#snapshots;
    const { base, content } = envelope;
    this.actor(to).snapshots.set(snapshot, { base, content });
    this.step(to, { type: 'snapshotReceived', snapshot, from, epoch: epoch(envelope.epoch), base });
    if (!keep) this.#endSnapshot(envelope, true);
  }

  drop(position: number): void {
    const [envelope] = this.network.splice(position, 1);
    if (envelope?.type === 'snapshot') this.#endSnapshot(envelope, false);
  }

  /** Makes the oldest `writes` writes of a replica durable. */
  sync(id: NodeId, writes = Number.POSITIVE_INFINITY): void {
    const durable = this.#syncWrites(this.actor(id), writes);
    if (durable.length > 0 && this.isUp(id)) this.step(id, ...durable);
  }

  /** One turn of a host's event loop: its writes complete, all its messages come in, and `inputs`; one step takes all. */
  turn(id: NodeId, ...inputs: Input<M>[]): void {
    const durable = this.#syncWrites(this.actor(id), Number.POSITIVE_INFINITY);
    const messages: Input<M>[] = [];
    for (let at = 0; at < this.network.length; ) {
      const envelope = this.network[at] as Envelope<M>;
      if (envelope.to !== id || envelope.type !== 'message') at++;
      else {
        this.network.splice(at, 1);
        messages.push({ type: 'message', from: envelope.from, message: this.#transcode(envelope.message) });
      }
    }
    this.step(id, ...durable, ...messages, ...inputs);
  }

  #syncWrites(actor: Actor<M>, writes: number): Input<M>[] {
    const { disk } = actor;
    const done = disk.pending.splice(0, Math.min(writes, disk.pending.length));
    let upTo: Token | undefined;
    for (const write of done) {
      if (write.type === 'persist') upTo = write.token;
      writeDown(disk, write);
    }
    if (upTo === undefined) return [];
    const reached = upTo;
    const released = disk.held.filter(({ after }) => after <= reached);
    disk.held = disk.held.filter(({ after }) => after > reached);
    for (const { to, message } of released) this.#send(actor.id, to, message);
    return [{ type: 'durable', upTo }];
  }

  /** Makes the applied state durable. */
  flush(id: NodeId): void {
    const actor = this.actor(id);
    actor.disk.flushed = index(actor.applied.length);
    this.step(id, { type: 'flushed', position: this.#baseAt(actor, actor.disk.flushed).position });
  }

  /** Power cut: of what was not synced only the first `surviving` records are found again. */
  crash(id: NodeId, surviving = 0): void {
    const actor = this.actor(id);
    const { disk } = actor;
    let left = surviving;
    for (const write of disk.pending) {
      if (write.type === 'compact' || left === 0) break;
      disk.records.push(...write.records.slice(0, left));
      left = Math.max(0, left - write.records.length);
    }
    disk.pending = [];
    disk.held = [];
    actor.protocol = undefined;
    actor.applied = actor.applied.slice(0, disk.flushed);
    actor.snapshots.clear();
    actor.installing = undefined;
    actor.status = undefined;
    this.#options.observer?.crashed(actor);
  }

  start(id: NodeId): void {
    const actor = this.actor(id);
    assert(actor.protocol === undefined, `replica ${id} is down`);
    actor.starts++;
    const { create, seed } = this.#options;
    const random = Random.fromSeed(`${seed}/${id}/${actor.starts}`);
    actor.protocol = create({ self: id, random, ...this.settings });
    const records = actor.disk.records.map((record) => record.bytes);
    this.step(id, { type: 'recovered', base: this.#baseAt(actor, actor.disk.flushed), records });
  }

  /** Time passes for one replica, and nothing else happens. */
  wait(id: NodeId, ms: number): void {
    const actor = this.actor(id);
    actor.now = millis(actor.now + ms);
  }

  /** Lets time pass for one replica until its next deadline. */
  timeout(id: NodeId): void {
    const actor = this.actor(id);
    const deadline = present(actor.protocol?.nextDeadline(), `replica ${id} waits for something`);
    actor.now = millis(Math.max(actor.now, deadline));
    this.step(id);
  }

  /** Time passes for all; deadlines are met in their order. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed++) {
      for (const actor of this.actors.values()) {
        actor.now = millis(actor.now + 1);
        const deadline = actor.protocol?.nextDeadline();
        if (deadline !== undefined && deadline <= actor.now) this.step(actor.id);
      }
    }
  }

  /** Syncs and delivers in order, among replicas that are up and `among`, until nothing more happens. */
  settle(among: readonly NodeId[] = [...this.actors.keys()], limit = 10_000): void {
    for (let steps = 0; steps < limit; steps++) {
      const behind = among.find((id) => this.actor(id).disk.pending.length > 0 && this.isUp(id));
      if (behind !== undefined) {
        this.sync(behind);
        continue;
      }
      const installer = among.find((id) => this.actor(id).installing !== undefined);
      if (installer !== undefined) {
        this.install(installer);
        continue;
      }
      const next = this.network.findIndex(({ from, to }) => among.includes(from) && among.includes(to));
      if (next < 0) return;
      this.deliver(next);
    }
    assert(false, 'it settles');
  }

  isUp(id: NodeId): boolean {
    return this.actor(id).protocol !== undefined;
  }

  describe(envelope: Envelope<M>): string {
    const what =
      envelope.type === 'message'
        ? this.#options.definition.describeMessage(envelope.message)
        : `snapshot ${envelope.base.position.index}@${envelope.base.position.epoch}`;
    return `${envelope.from} -> ${envelope.to} ${what}`;
  }

  #carryOut(actor: Actor<M>, effect: Effect<M>): void {
    switch (effect.type) {
      case 'persist':
        actor.disk.pending.push(effect);
        break;
      case 'compact':
        actor.disk.pending.push(effect);
        break;
      case 'send':
        if (effect.after === undefined) this.#send(actor.id, effect.to, effect.message);
        else actor.disk.held.push({ after: effect.after, to: effect.to, message: effect.message });
        break;
      case 'commit':
        for (const entry of effect.entries) {
          assert(entry.index === actor.applied.length + 1, 'entries are committed in order');
          actor.applied.push(entry);
        }
        break;
      case 'readable':
        actor.reads.set(effect.id, { type: 'readable', index: effect.index });
        break;
      case 'readFailed':
        actor.reads.set(effect.id, { type: 'failed', reason: effect.reason });
        break;
      case 'refuse':
        actor.refusals.set(effect.id, effect.reason);
        break;
      case 'status':
        actor.status = effect;
        break;
      case 'sendSnapshot':
        this.sendSnapshot(actor.id, effect.to);
        break;
      case 'install':
        actor.installing = effect.snapshot;
        break;
      case 'discard':
        actor.snapshots.delete(effect.snapshot);
        break;
      default:
        break;
    }
  }

  /** Puts a snapshot of what `from` has applied, up to `at`, on its way. */
  sendSnapshot(from: NodeId, to: NodeId, at: Index = index(this.actor(from).applied.length)): void {
    const actor = this.actor(from);
    const base = this.#baseAt(actor, at);
    const content = actor.applied.slice(0, at);
    this.network.push({ type: 'snapshot', from, to, epoch: actor.status?.epoch ?? 0, base, content });
  }

  /** Puts the snapshot in place that the replica has decided to install, durably. */
  install(id: NodeId): void {
    const actor = this.actor(id);
    const snapshot = present(actor.installing, 'a snapshot is to be installed');
    actor.installing = undefined;
    const { content } = present(actor.snapshots.get(snapshot), 'the snapshot was received');
    actor.snapshots.delete(snapshot);
    actor.applied = [...content];
    actor.disk.flushed = index(content.length);
    this.step(id, { type: 'installed', snapshot });
  }

  #send(from: NodeId, to: NodeId, message: M): void {
    this.sent++;
    this.network.push({ type: 'message', from, to, message });
  }

  #endSnapshot(envelope: Envelope<M> & { type: 'snapshot' }, ok: boolean): void {
    if (!this.isUp(envelope.from)) return;
    const upTo = envelope.base.position.index;
    this.step(envelope.from, { type: 'snapshotSent', to: envelope.to, upTo, ok });
  }

  /** There and back through the codec: what a replica receives shares nothing with what another one holds. */
  #transcode(message: M): M {
    const { definition } = this.#options;
    const decoded = definition.decodeMessage(definition.encodeMessage(message));
    assert(
      !(decoded instanceof Malformed),
      `what is sent can be read: ${definition.describeMessage(message)}`,
    );
    return decoded;
  }

  #baseAt(actor: Actor<M>, at: Index): Base {
    const entry = actor.applied[at - 1];
    const position = { index: at, epoch: entry?.epoch ?? epoch(0), time: entry?.time ?? clusterTime(0) };
    return { position, configuration: this.#configurationAt(actor, at) };
  }

  #configurationAt(actor: Actor<M>, at: Index): Configuration {
    const changes = actor.applied.slice(0, at).filter(({ kind }) => kind === 'configuration');
    const last = changes.at(-1);
    if (last === undefined) return this.#options.configuration;
    const configuration = decodeConfiguration(last.payload);
    assert(!(configuration instanceof Malformed), 'what was applied can be read');
    return configuration;
  }
}

function newActor<M extends Message>(id: NodeId): Actor<M> {
  return {
    id,
    protocol: undefined,
    now: millis(0),
    disk: emptyDisk(),
    applied: [],
    status: undefined,
    reads: new Map(),
    refusals: new Map(),
    snapshots: new Map(),
    installing: undefined,
    starts: 0,
  };
}
