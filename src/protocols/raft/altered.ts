import { epoch, index } from '../../core/ids.ts';
import type { Protocol } from '../../protocol/index.ts';
import { stateOf } from './cluster-invariants.ts';
import type { RaftEffect } from './context.ts';
import type { RaftMessage } from './messages.ts';
import type { State } from './state.ts';

type Alter = (effects: RaftEffect[]) => RaftEffect[];

/** A replica of Raft of whose steps other effects come than it says. */
export class Altered implements Protocol<RaftMessage> {
  readonly #protocol: Protocol<RaftMessage>;
  readonly #alter: Alter;

  constructor(protocol: Protocol<RaftMessage>, alter: Alter) {
    this.#protocol = protocol;
    this.#alter = alter;
  }

  get state(): Readonly<State> {
    return stateOf(this.#protocol);
  }

  step(...turn: Parameters<Protocol<RaftMessage>['step']>): RaftEffect[] {
    return this.#alter(this.#protocol.step(...turn));
  }

  nextDeadline(): ReturnType<Protocol<RaftMessage>['nextDeadline']> {
    return this.#protocol.nextDeadline();
  }

  fork(): Altered {
    return new Altered(this.#protocol.fork(), this.#alter);
  }

  encodeState(): Uint8Array {
    return this.#protocol.encodeState();
  }

  checkInvariants(): void {
    this.#protocol.checkInvariants();
  }
}

/**
 * Does not help a leader to find where the logs part, as replicas of other programs may not: it begins from below, and so
 * sends again what is there. With the help that ours give, no request of theirs ends before an entry that is to be replaced.
 */
export const withoutHints = (protocol: Protocol<RaftMessage>): Protocol<RaftMessage> =>
  new Altered(protocol, (effects) =>
    effects.map((effect) => {
      if (effect.type !== 'send' || effect.message.type !== 'appendReject') return effect;
      return { ...effect, message: { ...effect.message, hintIndex: index(0), hintTerm: epoch(0) } };
    }),
  );
