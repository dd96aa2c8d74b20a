import { assert, InvariantViolation, present } from '../../core/assert.ts';
import { hex, utf8 } from '../../core/bytes.ts';
import { Writer } from '../../core/codec.ts';
import {
  clusterTime,
  commandId,
  epoch,
  index,
  type Millis,
  millis,
  nodeId,
  readId,
  type Token,
} from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import type {
  Bounds,
  CommittedEntry,
  Configuration,
  Effect,
  ExplorationModel,
  Input,
  JournalRecord,
  Message,
  Protocol,
  Rename,
  ReplicaView,
} from '../../protocol/index.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { type Fingerprint, hashInto, renamings } from './fingerprint.ts';

/** A message on its way, once for all states in which it is. */
export interface Packet {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly message: Message;
  readonly key: string;
  /** What it is called under each renaming: the same as another message when they differ in the names of replicas only. */
  readonly names: Uint32Array;
}

/** One replica with its disk, once for all states in which it looks like this. */
export interface Local {
  readonly id: number;
  readonly replica: number;
  readonly protocol: Protocol;
  readonly now: Millis;
  readonly records: readonly JournalRecord[];
  readonly pending: readonly Pending[];
  readonly held: readonly Held[];
  readonly applied: number;
  /** Equal for replicas that differ only in the messages that they hold back. */
  readonly core: number;
  readonly view: ReplicaView;
  /** Epochs of the entries on its disk, by index. */
  readonly durable: readonly (number | undefined)[];
  readonly fingerprint: Fingerprint;
  /** What was found out already about its next steps. */
  readonly steps: Map<number, Step>;
}

interface Pending {
  readonly token: Token;
  readonly records: readonly JournalRecord[];
}

interface Held {
  readonly after: Token;
  readonly packet: Packet;
}

/** What one event does to one replica: it depends on nothing else. */
export interface Step {
  readonly next: Local;
  readonly sends: readonly Packet[];
  readonly commits: readonly CommittedEntry[];
  readonly readable: readonly { readonly id: number; readonly index: number }[];
  /** The replica itself cannot go on, and says why. */
  readonly broken: string | undefined;
}

/** Events by what happens; the number says which message, command or read, or how many records survive. */
export type EventType = 'timeout' | 'sync' | 'crash' | 'propose' | 'read' | 'deliver';

const eventTypes: readonly EventType[] = ['timeout', 'sync', 'crash', 'propose', 'read', 'deliver'];

/** The same for all: a log tells entries apart by their places, and one epoch has one leader. */
export const commandText = 'x';

/**
 * Replicas and messages as values that exist once. A step depends on the replica and the event alone, so it is carried out
 * once, however many states of the whole it occurs in.
 */
export class Replicas {
  readonly #model: ExplorationModel;
  readonly #configuration: Configuration;
  readonly #renamings: readonly Rename[];
  readonly #locals = new Map<string, Local>();
  readonly #byId: Local[] = [];
  readonly #cores = new Map<string, number>();
  readonly #packets = new Map<string, Packet>();
  readonly #packetsById: Packet[] = [];
  readonly #packetNames = new Map<string, number>();

  constructor(model: ExplorationModel, count: number) {
    this.#model = model;
    this.#configuration = configurationOf(count);
    this.#renamings = renamings(count);
  }

  /** Distinct replicas, messages and steps that were met. */
  get sizes(): { readonly locals: number; readonly packets: number } {
    return { locals: this.#byId.length, packets: this.#packetsById.length };
  }

  get symmetries(): number {
    return this.#renamings.length;
  }

  local(id: number): Local {
    return present(this.#byId[id], 'a replica that was met');
  }

  packet(id: number): Packet {
    return present(this.#packetsById[id], 'a message that was met');
  }

  /** A replica on an empty disk, with what its start writes on the disk. */
  initial(replica: number): Step {
    return this.#start(replica, millis(0), []);
  }

  /** What `step` makes `local` send, now or later, when that is all it does; undefined when it does more. */
  onlySends(local: Local, { next, sends, commits, readable, broken }: Step): readonly Packet[] | undefined {
    if (broken !== undefined || commits.length > 0 || readable.length > 0) return undefined;
    if (next.core !== local.core || next.held.length < local.held.length) return undefined;
    return [...sends, ...next.held.slice(local.held.length).map(({ packet }) => packet)];
  }

  isSpent({ message }: Packet, receiver: Local, sender: Local, bounds: Bounds): boolean {
    return this.#model.isSpent(message, receiver.protocol, sender.protocol, bounds);
  }

  keepsSilent({ protocol }: Local, bounds: Bounds): boolean {
    return this.#model.keepsSilent(protocol, bounds);
  }

  nameOf(packet: number, renaming: number): number {
    return (this.#packetsById[packet] as Packet).names[renaming] as number;
  }

  step(local: Local, type: EventType, number: number): Step {
    const code = eventTypes.indexOf(type) + eventTypes.length * number;
    const known = local.steps.get(code);
    if (known !== undefined) return known;
    const step = this.#carryOut(local, type, number);
    local.steps.set(code, step);
    return step;
  }

  #carryOut(local: Local, type: EventType, number: number): Step {
    switch (type) {
      case 'timeout': {
        const deadline = present(local.protocol.nextDeadline(), 'the replica waits for something');
        return this.#run(local, { now: millis(Math.max(local.now, deadline)) }, []);
      }
      case 'sync': {
        const [first, ...pending] = local.pending;
        const { token, records } = present(first, 'something is to be synced');
        const released = local.held.filter(({ after }) => after <= token).map(({ packet }) => packet);
        const held = local.held.filter(({ after }) => after > token);
        const disk = { records: [...local.records, ...records], pending, held };
        const step = this.#run(local, disk, [{ type: 'durable', upTo: token }]);
        return { ...step, sends: [...released, ...step.sends] };
      }
      case 'crash': {
        const unsynced = local.pending.flatMap(({ records }) => records);
        return this.#start(local.replica, local.now, [...local.records, ...unsynced.slice(0, number)]);
      }
      case 'propose': {
        const payload = utf8(commandText);
        return this.#run(local, {}, [{ type: 'command', id: commandId(number + 1), payload }]);
      }
      case 'read':
        return this.#run(local, {}, [{ type: 'read', id: readId(number + 1) }]);
      case 'deliver': {
        const { from, message } = this.packet(number);
        return this.#run(local, {}, [{ type: 'message', from: nodeId(from), message }]);
      }
    }
  }

  /** Starts with what is in the journal; the start is over when its own first write is on the disk. */
  #start(replica: number, now: Millis, records: readonly JournalRecord[]): Step {
    const protocol = this.#model.create({
      self: nodeId(replica),
      random: Random.still(),
      timing: this.#model.timing,
    });
    const position = { index: index(0), epoch: epoch(0), time: clusterTime(0) };
    const base = { position, configuration: this.#configuration };
    const empty = { replica, now, records, pending: [], held: [], applied: 0 };
    const inputs: Input[] = [{ type: 'recovered', base, records: records.map(({ bytes }) => bytes) }];
    let step = this.#stepped({ ...empty, protocol }, inputs);
    while (step.broken === undefined && step.next.pending.length > 0) {
      const synced = this.#carryOut(step.next, 'sync', 0);
      step = {
        ...synced,
        sends: [...step.sends, ...synced.sends],
        commits: [...step.commits, ...synced.commits],
      };
    }
    return step;
  }

  #run(local: Local, change: Partial<Draft>, inputs: readonly Input[]): Step {
    return this.#stepped({ ...local, ...change, protocol: local.protocol.fork() }, inputs);
  }

  #stepped(before: Draft, inputs: readonly Input[]): Step {
    const draft: MutableDraft = {
      ...before,
      pending: [...before.pending],
      held: [...before.held],
    };
    const out: Out = { sends: [], commits: [], readable: [] };
    let durable: Local['durable'] = [];
    let broken: string | undefined;
    try {
      let effects = draft.protocol.step(draft.now, inputs);
      while (effects.length > 0) {
        const committed = out.commits.length;
        for (const effect of effects) this.#perform(draft, effect, out);
        const upTo = index(draft.applied);
        effects =
          out.commits.length > committed ? draft.protocol.step(draft.now, [{ type: 'applied', upTo }]) : [];
      }
      draft.protocol.checkInvariants();
      durable = this.#model.durableEpochs(draft.records);
    } catch (error) {
      broken = reasonOf(error);
    }
    return { next: this.#intern(draft, durable, broken), ...out, broken };
  }

  #perform(draft: MutableDraft, effect: Effect, out: Out): void {
    switch (effect.type) {
      case 'persist':
        draft.pending.push({ token: effect.token, records: effect.records });
        return;
      case 'send': {
        const packet = this.#packet(draft.replica, effect.to, effect.message);
        if (effect.after === undefined) out.sends.push(packet);
        else draft.held.push({ after: effect.after, packet });
        return;
      }
      case 'commit':
        for (const entry of effect.entries) {
          assert(entry.index === draft.applied + 1, 'entries are committed in order');
          draft.applied++;
          out.commits.push(entry);
        }
        return;
      case 'readable':
        out.readable.push({ id: effect.id, index: effect.index });
        return;
      default:
        return;
    }
  }

  #packet(from: number, to: number, message: Message): Packet {
    const key = packetKey(this.#model, from, to, message, (id) => id);
    const known = this.#packets.get(key);
    if (known !== undefined) return known;
    const id = this.#packetsById.length;
    const names = Uint32Array.from(this.#renamings, (rename) => this.#packetName(from, to, message, rename));
    const packet = { id, from, to, message, key, names };
    this.#packets.set(key, packet);
    this.#packetsById.push(packet);
    return packet;
  }

  #packetName(from: number, to: number, message: Message, rename: Rename): number {
    const key = packetKey(this.#model, from, to, message, rename);
    const known = this.#packetNames.get(key) ?? this.#packetNames.size;
    this.#packetNames.set(key, known);
    return known;
  }

  #intern(draft: Draft, durable: Local['durable'], broken: string | undefined): Local {
    const key = broken ?? hex(this.#write(draft, (id) => id));
    const known = this.#locals.get(key);
    if (known !== undefined) return known;
    const local: Local = {
      ...draft,
      id: this.#byId.length,
      core: this.#core(draft),
      view: this.#model.view(draft.protocol),
      durable,
      fingerprint: this.#fingerprint((rename) => this.#write(draft, rename), 0x27d4eb2f),
      steps: new Map(),
    };
    this.#locals.set(key, local);
    this.#byId.push(local);
    return local;
  }

  #core(draft: Draft): number {
    const key = hex(this.#writeCore(draft, (id) => id).finish());
    const known = this.#cores.get(key) ?? this.#cores.size;
    this.#cores.set(key, known);
    return known;
  }

  #write(draft: Draft, rename: Rename): Uint8Array {
    const writer = this.#writeCore(draft, rename);
    const first = draft.pending[0]?.token ?? 0;
    for (const { after, packet } of draft.held) {
      writer.uint(after - first).uint(rename(nodeId(packet.to)));
      this.#model.writeMessage(writer, packet.message, rename);
    }
    return writer.finish();
  }

  #writeCore(draft: Draft, rename: Rename): Writer {
    const writer = new Writer(256).uint(rename(nodeId(draft.replica))).uint(draft.applied);
    const model = this.#model;
    model.writeState(writer, draft.protocol, rename);
    model.writeJournal(writer, draft.records, rename);
    writer.uint(draft.pending.length);
    for (const { records } of draft.pending) model.writeRecords(writer.uint(records.length), records, rename);
    return writer;
  }

  #fingerprint(write: (rename: Rename) => Uint8Array, salt: number): Fingerprint {
    const fingerprint = new Uint32Array(2 * this.#renamings.length);
    for (const [at, rename] of this.#renamings.entries()) hashInto(fingerprint, at, write(rename), salt);
    return fingerprint;
  }
}

interface Draft {
  readonly replica: number;
  readonly protocol: Protocol;
  readonly now: Millis;
  readonly records: readonly JournalRecord[];
  readonly pending: readonly Pending[];
  readonly held: readonly Held[];
  readonly applied: number;
}

interface MutableDraft extends Draft {
  readonly pending: Pending[];
  readonly held: Held[];
  applied: number;
}

interface Out {
  readonly sends: Packet[];
  readonly commits: CommittedEntry[];
  readonly readable: { readonly id: number; readonly index: number }[];
}

/** Names a message with its ends, under a renaming of the replicas. */
export function packetKey(
  model: ExplorationModel,
  from: number,
  to: number,
  message: Message,
  rename: Rename,
): string {
  const writer = new Writer(64).uint(rename(nodeId(from))).uint(rename(nodeId(to)));
  model.writeMessage(writer, message, rename);
  return hex(writer.finish());
}

/** A protocol that gives up says so by one of these; anything else is a mistake of whoever runs it. */
export function isGivingUp(error: unknown): error is Error {
  if (error instanceof InvariantViolation) return true;
  return error instanceof Error && 'code' in error && error.code === 'CORRUPT_RECORD';
}

function reasonOf(error: unknown): string {
  if (isGivingUp(error)) return error.message;
  throw error;
}
