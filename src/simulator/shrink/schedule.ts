import { assertNever } from '../../core/assert.ts';
import { hex } from '../../core/bytes.ts';
import { Writer } from '../../core/codec.ts';
import type { NodeId } from '../../core/ids.ts';
import type {
  Effect,
  ExplorationModel,
  Input,
  Message,
  Reconfiguration,
  Rename,
} from '../../protocol/index.ts';
import { renumbered } from './changes.ts';

/** One event of a schedule, by numbers of replicas from 1. */
export type ScheduledEvent =
  | { readonly type: 'timeout' | 'flush' | 'install'; readonly replica: number }
  | { readonly type: 'sync'; readonly replica: number; readonly writes: number }
  /** And a start, since one that stays down does nothing. */
  | { readonly type: 'crash'; readonly replica: number; readonly surviving: number }
  | { readonly type: 'propose'; readonly replica: number; readonly text: string }
  | { readonly type: 'read'; readonly replica: number; readonly read: number }
  /** Of members, by their numbers. */
  | { readonly type: 'change'; readonly replica: number; readonly change: Reconfiguration }
  | { readonly type: 'transfer'; readonly replica: number; readonly to: number | undefined }
  | { readonly type: 'dropSnapshot'; readonly replica: number; readonly from: number }
  | {
      readonly type: 'deliver';
      readonly replica: number;
      readonly from: number;
      /** Type and content; undefined for a snapshot. */
      readonly message: { readonly type: string; readonly key: string } | undefined;
    };

export function messageKey(model: ExplorationModel, message: Message, rename: Rename = (id) => id): string {
  const writer = new Writer(64);
  model.writeMessage(writer, message, rename);
  return hex(writer.finish());
}

/** Inputs that are not acted out, by their types. */
export type LeftOut = Extract<Input['type'], 'link' | 'credit' | 'storage' | 'digest' | 'work'>;

/** What one replica went through. */
interface Life {
  readonly replica: number;
  epoch: number;
  leads: boolean;
  durable: number;
  /** Records that were written in this life, with the write that made them durable. */
  readonly written: { readonly token: number; readonly bytes: string }[];
}

/**
 * Takes down what happens to the protocols of a world as a schedule: without times, disks and connections, so that it can be
 * acted out again, and be shortened.
 */
export class ScheduleRecorder {
  readonly events: ScheduledEvent[] = [];
  readonly #model: ExplorationModel;
  readonly #numbers = new Map<NodeId, number>();
  readonly #lives = new Map<number, Life>();
  readonly leftOut = new Map<LeftOut, number>();
  #commands = 0;
  #reads = 0;
  #joiners = 0;

  readonly #replicas: number;

  constructor(model: ExplorationModel, replicas: number) {
    this.#model = model;
    this.#replicas = replicas;
  }

  /** Replicas beside the first ones that were added, or were to be. */
  get joiners(): number {
    return this.#joiners;
  }

  /** One step of the replica on the machine with this number. */
  stepped(machine: number, self: NodeId, inputs: readonly Input[], effects: readonly Effect[]): void {
    // Who joins has the next number from when it is first spoken of.
    if (machine <= this.#replicas) this.#numbers.set(self, machine);
    const replica = this.#numberOf(self);
    const life = this.#lifeOf(replica, inputs);
    this.#noteTimeout(life, inputs, effects);
    for (const input of inputs) this.#take(life, input);
    for (const effect of effects) {
      if (effect.type === 'persist') {
        for (const { bytes } of effect.records) life.written.push({ token: effect.token, bytes: hex(bytes) });
      }
      if (effect.type === 'status') {
        life.epoch = effect.epoch;
        life.leads = effect.role === 'leader';
      }
    }
  }

  readonly #numberOf = (id: NodeId): number => {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const next = this.#replicas + ++this.#joiners;
    this.#numbers.set(id, next);
    return next;
  };

  /** A replica that recovers has crashed before, but for its first start. */
  #lifeOf(replica: number, inputs: readonly Input[]): Life {
    const known = this.#lives.get(replica);
    const start = inputs.find((input) => input.type === 'recovered');
    if (known !== undefined && start === undefined) return known;
    if (known !== undefined && start !== undefined) {
      const last = start.records.at(-1);
      const found = last === undefined ? -1 : known.written.findLastIndex(({ bytes }) => bytes === hex(last));
      const durable = known.written.filter(({ token }) => token <= known.durable).length;
      this.events.push({ type: 'crash', replica, surviving: Math.max(0, found + 1 - durable) });
    }
    const life = { replica, epoch: known?.epoch ?? 0, leads: false, durable: 0, written: [] };
    this.#lives.set(replica, life);
    return life;
  }

  /** Campaigns, whatever led to them, and heartbeats. */
  #noteTimeout(life: Life, inputs: readonly Input[], effects: readonly Effect[]): void {
    const campaigns = effects.some(
      (effect) => effect.type === 'status' && effect.role === 'candidate' && effect.epoch > life.epoch,
    );
    if (campaigns || (life.leads && inputs.length === 0))
      this.events.push({ type: 'timeout', replica: life.replica });
  }

  #take(life: Life, input: Input): void {
    const { replica } = life;
    switch (input.type) {
      case 'message': {
        const from = this.#numberOf(input.from);
        const key = messageKey(this.#model, input.message, this.#numberOf);
        this.events.push({ type: 'deliver', replica, from, message: { type: input.message.type, key } });
        return;
      }
      case 'snapshotReceived': {
        const from = this.#numberOf(input.from);
        this.events.push({ type: 'deliver', replica, from, message: undefined });
        return;
      }
      case 'durable':
        this.events.push({ type: 'sync', replica, writes: Math.max(1, input.upTo - life.durable) });
        life.durable = input.upTo;
        return;
      case 'command':
        this.events.push({ type: 'propose', replica, text: `c${++this.#commands}` });
        return;
      case 'read':
        this.events.push({ type: 'read', replica, read: ++this.#reads });
        return;
      case 'flushed':
        this.events.push({ type: 'flush', replica });
        return;
      case 'installed':
        this.events.push({ type: 'install', replica });
        return;
      case 'reconfigure':
        this.events.push({ type: 'change', replica, change: renumbered(input.change, this.#numberOf) });
        return;
      case 'transfer': {
        const to = input.to === undefined ? undefined : this.#numberOf(input.to);
        this.events.push({ type: 'transfer', replica, to });
        return;
      }
      case 'snapshotSent':
        // One that arrives is answered where it is delivered.
        if (!input.ok) {
          this.events.push({ type: 'dropSnapshot', replica: this.#numberOf(input.to), from: replica });
        }
        return;
      case 'recovered':
      case 'applied':
        return;
      case 'link':
      case 'credit':
      case 'storage':
      case 'digest':
      case 'work':
        this.leftOut.set(input.type, (this.leftOut.get(input.type) ?? 0) + 1);
        return;
      default:
        assertNever(input);
    }
  }
}
