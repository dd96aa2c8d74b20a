import { hex, utf8 } from '../../core/bytes.ts';
import type { CommittedEntry } from '../../protocol/index.ts';
import { majorityOf } from '../../quorum/index.ts';
import { type Fingerprint, hashInto } from './fingerprint.ts';
import type { Local, Step } from './replicas.ts';

/** What was ever decided and promised: a crash forgets it, these do not. One for all states in which it is the same. */
export interface Past {
  readonly id: number;
  readonly chosen: readonly Chosen[];
  /** Who led, by epoch; undefined for nobody. */
  readonly leaders: readonly (number | undefined)[];
  /** How much was chosen when each read began; undefined when it was answered. */
  readonly reads: readonly (number | undefined)[];
  readonly fingerprint: Fingerprint;
  /** What was found out already about what follows. */
  readonly after: Map<Step, Past | Finding>;
}

interface Chosen {
  readonly epoch: number;
  readonly content: string;
  /** The lowest epoch in which a replica knew it. */
  readonly knownIn: number;
}

export interface Finding {
  readonly property: string;
  readonly detail: string;
}

/** The properties that hold between replicas, over all their lives. */
export class Properties {
  readonly #quorum: number;
  readonly #renamed: (at: number, replica: number) => number;
  readonly #symmetries: number;
  readonly #pasts = new Map<string, Past>();
  readonly #byId: Past[] = [];

  constructor(replicas: number, symmetries: number, renamed: (at: number, replica: number) => number) {
    this.#quorum = majorityOf(replicas);
    this.#symmetries = symmetries;
    this.#renamed = renamed;
  }

  past(id: number): Past {
    return this.#byId[id] as Past;
  }

  get nothing(): Past {
    return this.#intern([], [], []);
  }

  /** What is past after `step`, or what it has broken; `before` is undefined for the first start of a replica. */
  follow(past: Past, before: Local | undefined, step: Step): Past | Finding {
    const { next, commits, readable } = step;
    const elected = next.view.leads && !(before?.view.leads && before.view.epoch === next.view.epoch);
    if (!elected && commits.length === 0 && readable.length === 0) return past;
    const known = past.after.get(step);
    if (known !== undefined) return known;
    const after = this.#after(past, elected, step);
    past.after.set(step, after);
    return after;
  }

  #after(past: Past, elected: boolean, { next, commits, readable }: Step): Past | Finding {
    const chosen = [...past.chosen];
    const leaders = [...past.leaders];
    const reads = [...past.reads];
    const { epoch } = next.view;
    if (elected) {
      const known = leaders[epoch];
      if (known !== undefined)
        return wrong('election safety', `${next.replica} leads in ${epoch} after ${known} did`);
      leaders[epoch] = next.replica;
      const missing = chosen.findIndex(
        (entry, at) => entry.knownIn < epoch && next.view.log[at + 1] !== entry.epoch,
      );
      if (missing >= 0)
        return wrong(
          'leader completeness',
          `${next.replica} leads in ${epoch} without entry ${missing + 1}, which was committed before`,
        );
    }
    for (const entry of commits) {
      const content = contentOf(entry);
      const known = chosen[entry.index - 1];
      if (known === undefined) chosen[entry.index - 1] = { epoch: entry.epoch, content, knownIn: epoch };
      else if (known.content !== content) {
        const detail = `${next.replica} applies at ${entry.index} what is not what was applied there`;
        return wrong('state machine safety', detail);
      } else if (epoch < known.knownIn) chosen[entry.index - 1] = { ...known, knownIn: epoch };
    }
    for (const { id, index } of readable) {
      const floor = reads[id - 1];
      if (floor !== undefined && index < floor)
        return wrong(
          'linearizable reads',
          `a read may be served from ${index}, and ${floor} was applied before it`,
        );
      reads[id - 1] = undefined;
    }
    return this.#intern(chosen, leaders, reads);
  }

  /** The read numbered `number`, from 0, begins. */
  readBegins(past: Past, number: number): Past {
    const reads = [...past.reads];
    reads[number] = past.chosen.length;
    return this.#intern(past.chosen, past.leaders, reads);
  }

  /** What must hold between all replicas; `changed` is the one that was not like this before. */
  hold(past: Past, locals: readonly Local[], changed: Local): Finding | undefined {
    for (const other of locals) {
      if (other !== changed && !logsMatch(changed.view.log, other.view.log))
        return wrong(
          'log matching',
          `the logs of ${changed.replica} and ${other.replica} meet, and differ before`,
        );
    }
    for (const [at, { epoch }] of past.chosen.entries()) {
      let holders = 0;
      for (const { durable } of locals) if (durable[at + 1] === epoch) holders++;
      if (holders < this.#quorum)
        return wrong('durability', `entry ${at + 1} of ${epoch} was applied and is on ${holders} disks only`);
    }
    return undefined;
  }

  #intern(
    chosen: readonly Chosen[],
    leaders: readonly (number | undefined)[],
    reads: readonly (number | undefined)[],
  ): Past {
    const text = (who: (leader: number) => number): string =>
      JSON.stringify([chosen, leaders.map((leader) => leader && who(leader)), reads]);
    const key = text((leader) => leader);
    const known = this.#pasts.get(key);
    if (known !== undefined) return known;
    const fingerprint = new Uint32Array(2 * this.#symmetries);
    for (let at = 0; at < this.#symmetries; at++) {
      hashInto(fingerprint, at, utf8(text((leader) => this.#renamed(at, leader))), 0x165667b1);
    }
    const past = { id: this.#byId.length, chosen, leaders, reads, fingerprint, after: new Map() };
    this.#pasts.set(key, past);
    this.#byId.push(past);
    return past;
  }
}

/** Two logs that have an entry of one epoch at one index are the same up to it. */
function logsMatch(one: readonly (number | undefined)[], other: readonly (number | undefined)[]): boolean {
  let at = Math.min(one.length, other.length) - 1;
  while (at > 0 && one[at] !== other[at]) at--;
  for (; at > 0; at--) if (one[at] !== other[at]) return false;
  return true;
}

const contentOf = (entry: CommittedEntry): string => `${entry.epoch} ${entry.kind} ${hex(entry.payload)}`;

const wrong = (property: string, detail: string): Finding => ({ property, detail });
