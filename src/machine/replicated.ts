import { assert, assertNever } from '../core/assert.ts';
import { Malformed } from '../core/codec.ts';
import type { NodeId } from '../core/ids.ts';
import type { Store } from '../core/store.ts';
import { type CommandEnvelope, decodeEnvelope, type Session } from './envelope.ts';
import { memberKey, sessionKey, table, tableRange } from './layout.ts';
import type { ApplyContext, Machine } from './machine.ts';
import { MachineStore } from './machine-store.ts';
import { featureLevel, publish, type RaiseOutcome, raiseFeatureLevel } from './members.ts';
import { type Admission, admit, type OpenOutcome, openSession, remember } from './sessions.ts';

/** Where an entry stands in the order; the feature level is the layer's own to know. */
export interface EntryContext extends Omit<ApplyContext, 'featureLevel'> {
  /** Members that were removed before: nothing that one of them still has on its way makes it known again. */
  readonly removed: readonly NodeId[];
}

/** What became of an entry, for the host that waits for it. */
export type Applied =
  | AppliedCommand
  | { readonly type: 'session'; readonly session: Session; readonly outcome: OpenOutcome }
  | { readonly type: 'published'; readonly member: NodeId; readonly outcome: PublishOutcome }
  | { readonly type: 'featureLevel'; readonly level: number; readonly outcome: RaiseOutcome }
  /** Not an envelope of this version; nothing was changed. */
  | { readonly type: 'malformed'; readonly reason: string };

export type PublishOutcome = 'done' | 'tooManyMembers' | 'removed';

export type AppliedCommand =
  | {
      readonly type: 'command';
      readonly session: Session;
      readonly sequence: number;
      /** `duplicate`: it ran before; this is what it said then. */
      readonly outcome: 'done' | 'duplicate';
      readonly result: Uint8Array;
    }
  | {
      readonly type: 'command';
      readonly session: Session;
      readonly sequence: number;
      readonly outcome: Exclude<Admission['type'], 'run' | 'duplicate'>;
      readonly result: undefined;
    };

/**
 * The one layer around every machine: it gives each command of a session to the machine exactly once, and keeps what
 * the members know of each other. Deterministic over the store, in which all of its state is.
 */
export class Replicated {
  readonly machine: Machine;
  #machineStore: MachineStore | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /**
   * Applies the payload of a committed entry. Before that, and after installing a snapshot, the host makes sure that
   * `featureLevel(store)` is not above `machine.featureLevel`; it stops when a raise brings it there.
   */
  apply(payload: Uint8Array, context: EntryContext, store: Store): Applied {
    const envelope = decodeEnvelope(payload);
    if (envelope instanceof Malformed) return { type: 'malformed', reason: envelope.message };
    switch (envelope.type) {
      case 'command':
        return this.#command(envelope, context, store);
      case 'openSession': {
        const { session } = envelope;
        const outcome = context.removed.includes(session.opener) ? 'expired' : openSession(store, session);
        return { type: 'session', session, outcome };
      }
      case 'publish': {
        const { member } = envelope;
        const outcome = context.removed.includes(member.id) ? 'removed' : publish(store, member);
        return { type: 'published', member: member.id, outcome };
      }
      case 'raiseFeatureLevel': {
        const outcome = raiseFeatureLevel(store, envelope.to);
        return { type: 'featureLevel', level: featureLevel(store), outcome };
      }
      default:
        return assertNever(envelope);
    }
  }

  #command(envelope: CommandEnvelope, context: EntryContext, store: Store): AppliedCommand {
    const { session, sequence } = envelope;
    const admission = admit(store, envelope);
    switch (admission.type) {
      case 'run': {
        const level = featureLevel(store);
        assert(level <= this.machine.featureLevel, `feature level ${level} is above that of this build`);
        const result = this.machine.apply(
          envelope.command,
          { index: context.index, epoch: context.epoch, time: context.time, featureLevel: level },
          this.#view(store),
        );
        remember(store, envelope, result);
        return { type: 'command', session, sequence, outcome: 'done', result };
      }
      case 'duplicate':
        return { type: 'command', session, sequence, outcome: 'duplicate', result: admission.result };
      default:
        return { type: 'command', session, sequence, outcome: admission.type, result: undefined };
    }
  }

  #view(store: Store): MachineStore {
    if (this.#machineStore?.store !== store) this.#machineStore = new MachineStore(store);
    return this.#machineStore;
  }
}

/** Forgets a member that was removed: what it opened runs no more, and nobody waits for it to run a newer level. */
export function forgetMember(store: Store, id: NodeId): void {
  const keys = [memberKey(id), sessionKey(id)];
  for (const [key] of store.scan(tableRange(table.result, id))) keys.push(key);
  for (const key of keys) store.delete(key);
}

/**
 * Forgets the sessions and members of the cluster that a backup was taken of; the feature level and the machine's state
 * stay. For restoring into a new cluster, whose members are others.
 */
export function forgetCluster(store: Store): void {
  for (const tag of [table.member, table.session, table.result]) {
    const keys = [...store.scan(tableRange(tag))].map(([key]) => key);
    for (const key of keys) store.delete(key);
  }
}
