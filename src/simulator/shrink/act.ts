import { isGivingUp } from '../../check/explorer/index.ts';
import { utf8 } from '../../core/bytes.ts';
import { commandId, type NodeId, nodeId, readId } from '../../core/ids.ts';
import type { ClusterInvariants, Effect, ExplorationModel, Message } from '../../protocol/index.ts';
import { type Envelope, Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { changeText } from './changes.ts';
import { messageKey, type ScheduledEvent } from './schedule.ts';
import { Witness } from './witness.ts';

/** What there is to act a schedule out with. */
export interface Theatre {
  readonly model: ExplorationModel;
  readonly replicas: number;
  /** Empty ones beside them, numbered after them, that can be added. */
  readonly joiners: number;
  createInvariants(): ClusterInvariants;
}

/** A schedule as it was acted out: only what was possible. */
export interface Performance {
  readonly moments: readonly Moment[];
  /** What was broken, at the last moment. */
  readonly broken: string | undefined;
}

export interface Moment {
  readonly event: ScheduledEvent;
  /** As a line of a scenario. */
  readonly lines: readonly string[];
  readonly effects: readonly { readonly replica: number; readonly effect: Effect }[];
  /** The moment in which the message was sent that is delivered; -1 for none. */
  readonly sentAt: number;
  readonly label: string;
}

/**
 * Acts `events` out under the eyes of every invariant, and leaves out what is not possible: a message that was not sent, a
 * write that is not under way. Ends as soon as something is broken.
 */
export function act(theatre: Theatre, events: readonly ScheduledEvent[]): Performance {
  return new Stage(theatre).act(events);
}

class Stage {
  readonly #theatre: Theatre;
  readonly #rehearsal: Rehearsal<Message>;
  readonly #witness: Witness;
  readonly #moments: Moment[] = [];
  readonly #sentAt = new Map<Envelope<Message>, number>();
  /** Messages that were delivered: they may come again. */
  readonly #past: Envelope<Message>[] = [];
  #effects: { readonly replica: number; readonly effect: Effect }[] = [];

  constructor(theatre: Theatre) {
    const { model, replicas, joiners } = theatre;
    const configuration = configurationOf(replicas);
    this.#theatre = theatre;
    const invariants = theatre.createInvariants();
    const witness = new Witness(model, configuration);
    this.#witness = witness;
    this.#rehearsal = new Rehearsal({
      definition: model.definition,
      create: model.create.bind(model),
      configuration,
      spares: Array.from({ length: joiners }, (_, at) => nodeId(replicas + at + 1)),
      timing: model.timing,
      seed: 'shrink',
      observer: {
        stepped: ({ id, protocol }, inputs, effects) => {
          for (const effect of effects) this.#effects.push({ replica: id, effect });
          witness.stepped(inputs, effects);
          protocol?.checkInvariants();
          if (protocol !== undefined) invariants.observe(id, protocol, effects);
        },
        crashed: ({ id }) => invariants.restarted(id),
      },
    });
    for (const id of this.#rehearsal.actors.keys()) this.#rehearsal.sync(id);
  }

  act(events: readonly ScheduledEvent[]): Performance {
    for (const event of events) {
      this.#effects = [];
      const before = new Set(this.#rehearsal.network);
      try {
        const told = this.#perform(event);
        if (told === undefined) continue;
        this.#note(event, told);
        this.#witness.check(this.#rehearsal);
      } catch (error) {
        if (!isGivingUp(error)) throw error;
        if (this.#moments.at(-1)?.event !== event) {
          this.#note(event, this.#telling ?? { lines: [event.type], sentAt: -1, label: event.type });
        }
        return { moments: this.#moments, broken: error.message };
      }
      for (const envelope of this.#rehearsal.network) {
        if (!before.has(envelope)) this.#sentAt.set(envelope, this.#moments.length - 1);
      }
    }
    return { moments: this.#moments, broken: undefined };
  }

  /** What is being told while it happens, for when it does not come back. */
  #telling: Told | undefined;

  #note(event: ScheduledEvent, told: Told): void {
    this.#moments.push({ event, effects: this.#effects, ...told });
  }

  #tell(lines: readonly string[], act: () => void, sentAt = -1, label = lines[0] ?? ''): Told {
    const told = { lines, sentAt, label };
    this.#telling = told;
    act();
    return told;
  }

  /** Undefined when it was not possible. */
  #perform(event: ScheduledEvent): Told | undefined {
    const id = nodeId(event.replica);
    const rehearsal = this.#rehearsal;
    const actor = rehearsal.actor(id);
    switch (event.type) {
      case 'timeout':
        if (actor.protocol?.nextDeadline() === undefined) return undefined;
        return this.#tell([`timeout ${id}`], () => rehearsal.timeout(id));
      case 'sync': {
        if (actor.disk.pending.length === 0) return undefined;
        const writes = Math.min(event.writes, actor.disk.pending.length);
        return this.#tell([`sync ${id} ${writes}`], () => rehearsal.sync(id, writes));
      }
      case 'crash':
        return this.#tell(
          [`crash ${id} ${event.surviving}`, `start ${id}`, `sync ${id}`],
          () => {
            rehearsal.crash(id, event.surviving);
            rehearsal.start(id);
            rehearsal.sync(id);
          },
          -1,
          `crash ${id}`,
        );
      case 'propose': {
        const command = { type: 'command' as const, id: commandId(1), payload: utf8(event.text) };
        return this.#tell([`propose ${id} ${event.text}`], () => rehearsal.step(id, command));
      }
      case 'read':
        return this.#tell([`read ${id}`], () => rehearsal.step(id, { type: 'read', id: readId(event.read) }));
      case 'change': {
        const { change } = event;
        const input = { type: 'reconfigure' as const, id: commandId(1), change };
        return this.#tell([`change ${id} ${changeText(change)}`], () => rehearsal.step(id, input));
      }
      case 'transfer': {
        const to = event.to === undefined ? undefined : nodeId(event.to);
        return this.#tell([`transfer ${id}${to === undefined ? '' : ` ${to}`}`], () =>
          rehearsal.step(id, { type: 'transfer', to }),
        );
      }
      case 'flush':
        return this.#tell([`flush ${id}`], () => rehearsal.flush(id));
      case 'install':
        if (actor.installing === undefined) return undefined;
        return this.#tell([`install ${id}`], () => rehearsal.install(id));
      case 'deliver':
        return this.#deliver(event, id);
      case 'dropSnapshot':
        return this.#dropSnapshot(event.from, id);
    }
  }

  #deliver(event: Extract<ScheduledEvent, { type: 'deliver' }>, to: NodeId): Told | undefined {
    const { network } = this.#rehearsal;
    const found = this.#find(event);
    if (found === undefined) return undefined;
    let position = network.indexOf(found);
    if (position < 0) position = network.push(found) - 1;
    const between = network.filter((other) => other.from === found.from && other.to === found.to);
    const place = between.indexOf(found) + 1;
    this.#past.push(found);
    return this.#tell(
      [`deliver ${event.from} ${to}${place > 1 ? ` ${place}` : ''}`],
      () => this.#rehearsal.deliver(position),
      this.#sentAt.get(found) ?? -1,
      this.#rehearsal.describe(found),
    );
  }

  #dropSnapshot(from: number, to: NodeId): Told | undefined {
    const { network } = this.#rehearsal;
    const between = network.filter((each) => each.from === from && each.to === to);
    const place = between.findIndex(({ type }) => type === 'snapshot');
    const found = between[place];
    if (found === undefined) return undefined;
    const position = network.indexOf(found);
    return this.#tell([`drop ${from} ${to}${place > 0 ? ` ${place + 1}` : ''}`], () =>
      this.#rehearsal.drop(position),
    );
  }

  /** The very message; else one that was delivered before; else the oldest of its type, since terms may have shifted. */
  #find({
    replica,
    from,
    message,
  }: Extract<ScheduledEvent, { type: 'deliver' }>): Envelope<Message> | undefined {
    const { model } = this.#theatre;
    const between = (each: Envelope<Message>): boolean => each.from === from && each.to === replica;
    const same = (each: Envelope<Message>): boolean =>
      between(each) &&
      (each.type === 'message'
        ? message !== undefined && messageKey(model, each.message) === message.key
        : message === undefined);
    const alike = (each: Envelope<Message>): boolean =>
      between(each) && each.type === 'message' && each.message.type === message?.type;
    const { network } = this.#rehearsal;
    return network.find(same) ?? this.#past.find(same) ?? network.find(alike);
  }
}

interface Told {
  readonly lines: readonly string[];
  readonly sentAt: number;
  readonly label: string;
}
