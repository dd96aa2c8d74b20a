import { assert, assertNever, InvariantViolation } from '../core/assert.ts';
import { type CommandId, commandId, type Millis, type NodeId } from '../core/ids.ts';
import { maxCommandBytes, maxEnvelopeBytes, maxForwardBytes, sessionWindow } from '../core/limits.ts';
import { type AppliedCommand, encodeEnvelope, type Session } from '../machine/index.ts';
import type { CommittedEntry, Input, Refusal, Role } from '../protocol/index.ts';
import { encodeForward, encodeRefused, type Forward, frameKind, type RefusedSubmission } from './frames.ts';
import { Proposals, type Submission } from './proposals.ts';
import type { SystemCommands } from './system-commands.ts';
import type { Outcome } from './types.ts';

/** What the driver sends through; frames of one turn leave together at `flush`. */
export interface Links {
  /** False when there is no link, or its queue is full: the frame is gone. */
  send(to: NodeId, kind: number, payload: Uint8Array): boolean;
  /** Bytes that the link to a peer takes now; 0 when it is down or congested. */
  credit(to: NodeId): number;
  flush(): void;
}

/** Who leads, as far as this replica knows. */
export interface Leader {
  readonly role: Role;
  readonly leader: NodeId | undefined;
}

/** Of a command that the present step takes: whose it is, and what he calls it. */
interface Submitter {
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly sequence: number;
}

/** System commands have no sequence: nobody waits for one, its goal is proposed until it is reached. */
const systemSequence = 0;

/**
 * Commands on their way to the one who orders them: own ones to the protocol or, forwarded, to the leader; those that
 * others forwarded, to the protocol. Refusals go back the same way.
 */
export class Submissions {
  readonly proposals = new Proposals(sessionWindow);
  readonly #self: NodeId;
  readonly #session: Session;
  readonly #links: Links;
  readonly #system: SystemCommands;
  #forwarded: { readonly submitter: Submitter; readonly payload: Uint8Array }[] = [];
  #submitters: Submitter[] = [];
  #nextCommand = 1;
  readonly #refused = new Map<NodeId, RefusedSubmission[]>();

  constructor(self: NodeId, session: Session, links: Links, system: SystemCommands) {
    this.#self = self;
    this.#session = session;
    this.#links = links;
    this.#system = system;
  }

  /** Takes a command of a client of ours, if there is room. */
  propose(command: Uint8Array, deadline: Millis, settle: (outcome: Outcome) => void): void {
    if (command.length > maxCommandBytes - maxEnvelopeBytes)
      return settle({ type: 'refused', reason: 'tooLarge' });
    if (!this.proposals.hasRoom(command.length)) return settle({ type: 'refused', reason: 'overloaded' });
    const session = this.#session;
    this.proposals.add(
      (sequence, acknowledgedBelow) =>
        encodeEnvelope({ type: 'command', session, sequence, acknowledgedBelow, command }),
      deadline,
      settle,
    );
  }

  /** Commands that a peer takes us for the leader of. */
  forwarded(origin: NodeId, { incarnation, submissions }: Forward): void {
    for (const { sequence, payload } of submissions) {
      this.#forwarded.push({ submitter: { origin, incarnation, sequence }, payload });
    }
  }

  /** The leader did not take these of ours, or of an earlier start: a late answer to that says nothing about this one. */
  refused(refused: readonly RefusedSubmission[]): void {
    for (const { incarnation, sequence, reason } of refused) {
      if (incarnation === this.#session.incarnation) this.proposals.refused(sequence, reason);
    }
  }

  /** What became of a command of whatever session; false when it was one of this start, which has ended. */
  executed(entry: CommittedEntry, applied: AppliedCommand): boolean {
    const { opener, incarnation } = this.#session;
    if (applied.session.opener !== opener || applied.session.incarnation !== incarnation) return true;
    switch (applied.outcome) {
      case 'done':
      case 'duplicate':
        this.proposals.executed(applied.sequence, applied.result, entry.index, entry.epoch);
        return true;
      case 'resultLost':
        this.proposals.resultLost(applied.sequence);
        return true;
      case 'stale':
        return true; // its client was answered when the command was given up, or executed
      case 'outsideWindow':
        throw new InvariantViolation(`command ${applied.sequence} was proposed beyond the session window`);
      case 'expired':
        return false;
      default:
        return assertNever(applied);
    }
  }

  /** What the coming step is to take; sends the rest on its way. */
  collect(now: Millis, { role, leader }: Leader): Input[] {
    const inputs: Input[] = [];
    if (this.#submitters.length > 0) this.#submitters = [];
    if (this.#forwarded.length > 0) {
      for (const { submitter, payload } of this.#forwarded) {
        if (role === 'leader') inputs.push(this.#command(submitter, payload));
        else this.#refuseTo(submitter, 'notLeader');
      }
      this.#forwarded = [];
    }
    if (leader === undefined) return inputs;
    const { incarnation } = this.#session;
    let systemCommands = this.#system
      .take(now)
      .map((payload): Submission => ({ sequence: systemSequence, payload }));
    for (;;) {
      const own = this.#system.sessionOpen ? this.proposals.take(now, maxForwardBytes) : [];
      const submissions = systemCommands.length === 0 ? own : [...systemCommands, ...own];
      systemCommands = [];
      if (submissions.length === 0) return inputs;
      if (role === 'leader') {
        for (const { sequence, payload } of submissions) {
          inputs.push(this.#command({ origin: this.#self, incarnation, sequence }, payload));
        }
      } else if (!this.#links.send(leader, frameKind.forward, encodeForward({ incarnation, submissions }))) {
        this.proposals.putBack(own);
        return inputs;
      }
    }
  }

  /** The step did not take a command that `collect` gave it. */
  refuse(id: CommandId, reason: Refusal): void {
    const first = this.#nextCommand - this.#submitters.length;
    const submitter = this.#submitters[id - first];
    assert(submitter !== undefined, `command ${id} was refused by a later step than the one that took it`);
    if (submitter.origin === this.#self) this.proposals.refused(submitter.sequence, reason);
    else this.#refuseTo(submitter, reason);
  }

  /** Tells the others which of their commands were not taken. */
  sendRefusals(): void {
    if (this.#refused.size === 0) return;
    for (const [origin, refused] of this.#refused) {
      this.#links.send(origin, frameKind.refused, encodeRefused(refused));
    }
    this.#refused.clear();
  }

  #command(submitter: Submitter, payload: Uint8Array): Input {
    this.#submitters.push(submitter);
    return { type: 'command', id: commandId(this.#nextCommand++), payload };
  }

  #refuseTo({ origin, incarnation, sequence }: Submitter, reason: Refusal): void {
    const refused = this.#refused.get(origin);
    if (refused === undefined) this.#refused.set(origin, [{ incarnation, sequence, reason }]);
    else refused.push({ incarnation, sequence, reason });
  }
}
