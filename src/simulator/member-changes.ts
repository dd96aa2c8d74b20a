import { type NodeId, nodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { Configuration, Reconfiguration } from '../protocol/index.ts';
import type { ChangeOutcome } from '../replica/types.ts';
import type { MembershipRecord } from './membership-record.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** A machine as changes of membership see it. */
export interface Changeable {
  readonly name: string;
  /** As its replica knows it; undefined while none runs here. */
  readonly configuration: Configuration | undefined;
  reconfigure(change: Reconfiguration, timeoutMs: number, settle: (outcome: ChangeOutcome) => void): void;
  start(): void;
  /** Switched off for good: it was not added, and waits in vain. */
  giveUp(): void;
}

interface MemberChangesOptions {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly nodes: readonly Changeable[];
  /** How many members there should be, more or less. */
  readonly members: number;
  readonly record: MembershipRecord;
  /** A machine more, empty and off. */
  newNode(name: string, id: NodeId): Changeable;
}

const timeoutMs = 2_000;
/** The longest time between two changes that are asked for one upon the other. */
const hurryMs = 300;
/** Ids that no initial member has. */
const firstId = 1_000_000;
/** As many machines as one world may need in all. */
const maxNodes = 16;

/** Adds, removes and replaces members while everything else goes wrong. */
export class MemberChanges {
  readonly #options: MemberChangesOptions;

  constructor(options: MemberChangesOptions) {
    this.#options = options;
  }

  /** False when the replica that is to be asked does not run. */
  strike(): boolean {
    const { random, scheduler } = this.#options;
    // Several operators at once, or one in a hurry.
    if (random.chance(1, 3)) scheduler.schedule(random.between(1, hurryMs), () => this.#ask());
    return this.#ask();
  }

  #ask(): boolean {
    const { random, nodes, members } = this.#options;
    const asked = random.pick(nodes);
    const { configuration } = asked;
    if (configuration === undefined) return false;
    const count = configuration.members.length;
    const grows = count <= 1 || (count < members + 2 && random.chance(1, 2));
    if (grows && nodes.length < maxNodes) this.#add(asked);
    else this.#change(asked, this.#draw(configuration), () => {});
    return true;
  }

  #draw({ learners, voters, members }: Configuration): Reconfiguration {
    const { random } = this.#options;
    const started = members
      .filter(({ id, storageId }) => learners.includes(id) && storageId.length > 0)
      .map(({ id }) => id);
    const promote = started.slice(0, 1);
    switch (random.pick(['remove', 'remove', 'promote', 'exchange', 'exchange'] as const)) {
      case 'promote':
        if (started.length > 0) return { type: 'promote', id: random.pick(started) };
        break;
      case 'exchange':
        // A learner takes the place of a voter, in one joint step; or a voter goes in one.
        if (promote.length + voters.length > 1)
          return { type: 'exchange', promote, remove: [random.pick(voters)] };
        break;
      case 'remove':
    }
    return { type: 'remove', id: random.pick(members).id };
  }

  #add(asked: Changeable): void {
    const { nodes, random, newNode, record } = this.#options;
    const at = nodes.length + 1;
    const id = nodeId(firstId + at);
    const added = newNode(`n${at}`, id);
    added.start();
    const address = `${added.name}:1`;
    this.#change(asked, { type: 'addLearner', id, address, promote: random.chance(3, 4) }, (outcome) => {
      if (outcome.type !== 'refused') return;
      record.additionRefused(id);
      added.giveUp();
    });
  }

  #change(asked: Changeable, change: Reconfiguration, settle: (outcome: ChangeOutcome) => void): void {
    const { scheduler, trace } = this.#options;
    asked.reconfigure(change, timeoutMs, (outcome) => {
      trace.event(scheduler.now, `${change.type} ${outcome.type}`, asked.name);
      settle(outcome);
    });
  }
}
