import { assert, present } from '../../core/assert.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { commandId, millis, type NodeId, nodeId, type ReadId, readId } from '../../core/ids.ts';
import { Durability } from '../../protocol/durability.ts';
import type { Configuration, Effect, Input, LeaseReads, Reconfiguration } from '../../protocol/index.ts';
import { type Actor, type Observer, type ReadResult, Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { RaftInvariants, stateOf } from './cluster-invariants.ts';
import { raft } from './index.ts';
import type { Entry, RaftMessage } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { createMutant } from './mutants.ts';
import { replay } from './recovery.ts';
import { createRaft } from './replica.ts';
import type { State } from './state.ts';

/** Milliseconds; small, since time in rehearsals passes in steps of one. */
export const rehearsalTiming = { heartbeatInterval: 10, electionTimeout: 30 };

/** Replicas 1 to `count` of Raft, or of a mutant, under the eyes of every invariant we have. */
export class RaftRehearsal extends Rehearsal<RaftMessage> {
  readonly watch: Watch;
  #commands = 0;
  #reads = 0;

  constructor(
    count: number,
    options: {
      seed?: string;
      mutant?: Mutant | undefined;
      observer?: Observer<RaftMessage>;
      spares?: number;
      leaseReads?: LeaseReads | undefined;
    } = {},
  ) {
    const configuration = configurationOf(count);
    const spares = Array.from({ length: options.spares ?? 0 }, (_, at) => nodeId(count + at + 1));
    const watch = new Watch(configuration, spares);
    const { mutant, observer } = options;
    super({
      definition: raft,
      create: (own) => (mutant === undefined ? createRaft(own) : createMutant(mutant, own)),
      configuration,
      spares,
      timing: rehearsalTiming,
      leaseReads: options.leaseReads,
      seed: options.seed ?? 'raft',
      observer: observer === undefined ? watch : both(watch, observer),
    });
    this.watch = watch;
  }

  state(id: number): Readonly<State> {
    return stateOf(present(this.actor(nodeId(id)).protocol, `replica ${id} is up`));
  }

  /** Payloads and kinds of a log, with terms: `a@1`; the entry that opens a term is `-@1`. */
  log(id: number): string[] {
    const { log } = this.state(id);
    return log.slice(log.floor.index, log.lastIndex).map(describeEntry);
  }

  applied(id: number): string[] {
    return this.actor(nodeId(id))
      .applied.filter(({ kind }) => kind === 'command')
      .map(textOf);
  }

  leader(): number | undefined {
    const leaders = [...this.actors.values()].filter(
      ({ protocol }) => protocol !== undefined && stateOf(protocol).role.type === 'leader',
    );
    return leaders.sort((a, b) => stateTerm(b) - stateTerm(a))[0]?.id;
  }

  propose(id: number, ...commands: string[]): void {
    const inputs = commands.map((text): Input<RaftMessage> => {
      this.#commands++;
      return { type: 'command', id: commandId(this.#commands), payload: utf8(text) };
    });
    this.step(nodeId(id), ...inputs);
  }

  /** Asks `id` for a change; what it was refused for, or undefined. */
  reconfigure(id: number, change: Reconfiguration): string | undefined {
    const command = commandId(++this.#commands);
    this.step(nodeId(id), { type: 'reconfigure', id: command, change });
    return this.actor(nodeId(id)).refusals.get(command);
  }

  /** As `reconfigure`, and whoever is `among` those who are up answers when asked whether he lives. */
  change(id: number, change: Reconfiguration, ...among: number[]): string | undefined {
    const command = commandId(this.#commands + 1);
    const refusal = this.reconfigure(id, change);
    const peers = among.length > 0 ? among : [...this.actors.keys()].filter((peer) => peer !== id);
    for (const peer of peers) {
      while (this.isAsking(id) && this.#deliverFirst(id, peer, 'heartbeat')) {
        this.#deliverFirst(peer, id, 'heartbeatAck');
      }
    }
    return refusal ?? this.actor(nodeId(id)).refusals.get(command);
  }

  /** Whether a change waits for those who are to vote. */
  isAsking(id: number): boolean {
    const { role } = this.state(id);
    return role.type === 'leader' && role.asking !== undefined;
  }

  /** Adds `id` through `leader` and lets it start: a learner that votes when it has caught up, if `promote`. */
  add(leader: number, id: number, promote = false): void {
    const added = nodeId(id);
    const address = `host${id}:1`;
    const storageId = Uint8Array.of(id);
    const steps: Reconfiguration[] = [
      { type: 'addLearner', id: added, address, promote },
      { type: 'identify', id: added, name: `n${id}`, storageId },
    ];
    for (const step of steps) {
      const refusal = this.reconfigure(leader, step);
      assert(refusal === undefined, `${id} can be added: ${refusal}`);
      this.settle();
    }
  }

  read(id: number): ReadId {
    const read = readId(++this.#reads);
    this.step(nodeId(id), { type: 'read', id: read });
    return read;
  }

  result(read: ReadId): ReadResult | undefined {
    for (const actor of this.actors.values()) {
      const result = actor.reads.get(read);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** Lets `id` campaign among `voters`, who have not heard of a leader for long enough. */
  elect(id: number, ...voters: number[]): void {
    for (const voter of voters) this.forgetLeader(voter);
    this.timeout(nodeId(id));
    this.settle([nodeId(id), ...voters.map(nodeId)]);
  }

  /** Time passes at `id` until its leader has been silent for an election timeout. */
  forgetLeader(id: number): void {
    const heard = this.state(id).leaderHeard;
    const actor = this.actor(nodeId(id));
    if (heard !== undefined) {
      actor.now = millis(Math.max(actor.now, heard + rehearsalTiming.electionTimeout));
    }
  }

  /** What is on its way from `from` to `to`, of one type; -1 when there is nothing. */
  find(from: number, to: number, type: RaftMessage['type'] | 'snapshot'): number {
    return this.network.findIndex(
      (envelope) =>
        envelope.from === from &&
        envelope.to === to &&
        (envelope.type === 'snapshot' ? type === 'snapshot' : envelope.message.type === type),
    );
  }

  #deliverFirst(from: number, to: number, type: RaftMessage['type']): boolean {
    const at = this.find(from, to, type);
    if (at >= 0) this.deliver(at);
    return at >= 0;
  }

  /** Everything on its way is lost. */
  dropAll(): void {
    while (this.network.length > 0) this.drop(0);
  }
}

const both = (one: Observer<RaftMessage>, other: Observer<RaftMessage>): Observer<RaftMessage> => ({
  stepped(...step) {
    one.stepped(...step);
    other.stepped(...step);
  },
  crashed(actor) {
    one.crashed(actor);
    other.crashed(actor);
  },
});

const textOf = (entry: Entry): string => utf8Text(entry.payload);
const describeEntry = (entry: Entry): string =>
  `${entry.kind === 'command' ? textOf(entry) : '-'}@${entry.epoch}`;
const stateTerm = ({ protocol }: Actor<RaftMessage>): number =>
  protocol === undefined ? 0 : stateOf(protocol).hardState.term;

/** Checks after every event what only someone who sees all replicas and their disks can check. */
export class Watch implements Observer<RaftMessage> {
  readonly invariants = new RaftInvariants();
  readonly #durability: Durability;
  readonly #disks = new Map<
    NodeId,
    { readonly key: string; readonly terms: readonly (number | undefined)[] }
  >();
  /** How much had been delivered anywhere when a read began. */
  readonly #reads = new Map<ReadId, number>();

  constructor(configuration: Configuration, spares: readonly NodeId[]) {
    this.#durability = new Durability(configuration);
    for (const id of [...configuration.voters, ...spares]) this.#disks.set(id, { key: '', terms: [] });
  }

  stepped(
    actor: Actor<RaftMessage>,
    inputs: readonly Input<RaftMessage>[],
    effects: readonly Effect<RaftMessage>[],
  ): void {
    const protocol = present(actor.protocol, 'who steps is up');
    protocol.checkInvariants();
    for (const input of inputs) {
      if (input.type === 'read') this.#reads.set(input.id, this.invariants.chosen.length);
    }
    this.invariants.observe(actor.id, protocol, effects);
    this.#durability.stepped(effects);
    const changed = this.#readDisk(actor);
    for (const effect of effects) {
      if (effect.type === 'readable') {
        assert(
          effect.index >= (this.#reads.get(effect.id) ?? 0),
          'a read sees what was delivered before it began',
        );
      }
      if (effect.type === 'commit') this.#ownDisk(actor, effect.entries);
    }
    if (changed || effects.some((effect) => effect.type === 'commit')) this.#checkDisks();
  }

  crashed(actor: Actor<RaftMessage>): void {
    this.invariants.restarted(actor.id);
    this.#readDisk(actor);
    this.#checkDisks();
  }

  #ownDisk(actor: Actor<RaftMessage>, entries: readonly Entry[]): void {
    const terms = this.#disks.get(actor.id)?.terms ?? [];
    for (const entry of entries) {
      assert(
        terms[entry.index] === entry.epoch,
        `entry ${entry.index} is on the disk of ${actor.id} when it is delivered there`,
      );
    }
  }

  /** True when the disk has changed since it was last read. */
  #readDisk({ id, disk, applied }: Actor<RaftMessage>): boolean {
    const key = `${disk.records.length}/${disk.records[0]?.index}/${disk.flushed}`;
    if (this.#disks.get(id)?.key === key) return false;
    const terms: (number | undefined)[] = [];
    for (const entry of replay(disk.records.map((record) => record.bytes)).entries) {
      terms[entry.index] = entry.epoch;
    }
    for (const entry of applied.slice(0, disk.flushed)) terms[entry.index] = entry.epoch;
    this.#disks.set(id, { key, terms });
    return true;
  }

  #checkDisks(): void {
    this.#durability.check((id, entry) => this.#disks.get(id)?.terms[entry.index] === entry.epoch);
  }
}
