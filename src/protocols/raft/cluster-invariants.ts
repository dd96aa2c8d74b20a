import { assert } from '../../core/assert.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { Epoch, Index, NodeId } from '../../core/ids.ts';
import type { ClusterInvariants, CommittedEntry, Effect, Protocol } from '../../protocol/index.ts';
import type { Log } from './log.ts';
import type { Entry } from './messages.ts';
import type { State } from './state.ts';

/** Something committed, and an upper bound for the term in which that happened. */
interface Chosen {
  readonly entry: CommittedEntry;
  readonly byTerm: Epoch;
}

interface Seen {
  term: Epoch;
  commit: Index;
  wasLeader: boolean;
  /** The log of this start was compared up to this entry. */
  compared: Entry | undefined;
}

/** The safety properties of figure 3 of the Raft paper, over all replicas and all their starts. */
export class RaftInvariants implements ClusterInvariants {
  readonly #leaders = new Map<Epoch, NodeId>();
  readonly #chosen: Chosen[] = [];
  /** What was ever at an index in a term, and the term before it. */
  readonly #written = new Map<string, { readonly entry: Entry; readonly previousTerm: Epoch | undefined }>();
  readonly #seen = new Map<NodeId, Seen>();

  /** Everything that any replica has delivered, from index 1 on. */
  get chosen(): readonly CommittedEntry[] {
    return this.#chosen.map(({ entry }) => entry);
  }

  observe(id: NodeId, protocol: Protocol, effects: readonly Effect[]): void {
    const state = stateOf(protocol);
    for (const effect of effects) {
      if (effect.type === 'commit') this.#stateMachineSafety(effect.entries, state.hardState.term);
    }
    const seen = this.#seen.get(id);
    if (state.role.type === 'leader') {
      this.#electionSafety(id, state.hardState.term);
      if (!(seen?.wasLeader && seen.term === state.hardState.term)) this.#leaderCompleteness(state);
    }
    this.#logMatching(state.log, seen?.compared);
    if (seen !== undefined) {
      assert(state.hardState.term >= seen.term, 'terms never go back');
      assert(state.commit >= seen.commit, 'the commit index never goes back');
    }
    this.#seen.set(id, {
      term: state.hardState.term,
      commit: state.commit,
      wasLeader: state.role.type === 'leader',
      compared: state.log.get(state.log.lastIndex),
    });
  }

  restarted(id: NodeId): void {
    this.#seen.delete(id);
  }

  /** At most one leader is elected in a term. */
  #electionSafety(id: NodeId, term: Epoch): void {
    const leader = this.#leaders.get(term) ?? id;
    assert(leader === id, `term ${term} has one leader, and not both ${leader} and ${id}`);
    this.#leaders.set(term, id);
  }

  /** What was committed in a term is in the logs of the leaders of all later terms. */
  #leaderCompleteness({ log, hardState }: Readonly<State>): void {
    for (let at = log.floor.index + 1; at <= this.#chosen.length; at++) {
      const chosen = this.#chosen[at - 1] as Chosen;
      if (chosen.byTerm >= hardState.term) continue;
      const holds = log.termAt(at) === chosen.entry.epoch;
      assert(holds, `the leader of term ${hardState.term} holds the committed entry ${at}`);
    }
  }

  /** Two logs that hold an entry of the same index and term are the same up to it: by induction over the terms before. */
  #logMatching(log: Log, compared: Entry | undefined): void {
    const unchanged = compared !== undefined && log.get(compared.index) === compared;
    const from = unchanged ? compared.index + 1 : log.floor.index + 1;
    for (let at = from; at <= log.lastIndex; at++) {
      const entry = log.get(at) as Entry;
      const previousTerm = log.termAt(at - 1);
      const known = this.#written.get(`${at}@${entry.epoch}`);
      if (known === undefined) {
        this.#written.set(`${at}@${entry.epoch}`, { entry, previousTerm });
        continue;
      }
      const where = `at ${at} in term ${entry.epoch}`;
      assert(sameEntry(known.entry, entry), `there is one entry ${where}`);
      assert(known.previousTerm === previousTerm, `logs that meet ${where} are the same before it`);
    }
  }

  /** No two replicas ever apply different entries at an index. */
  #stateMachineSafety(entries: readonly CommittedEntry[], byTerm: Epoch): void {
    for (const entry of entries) {
      const chosen = this.#chosen[entry.index - 1];
      if (chosen !== undefined) {
        assert(sameEntry(chosen.entry, entry), `entry ${entry.index} is the same everywhere`);
      } else {
        assert(entry.index === this.#chosen.length + 1, 'entries are delivered without gaps');
        this.#chosen.push({ entry, byTerm });
      }
    }
  }
}

/** The state of a replica of Raft, with or without a mistake in it. */
export function stateOf(protocol: Protocol): Readonly<State> {
  assert('state' in protocol, 'these are the invariants of Raft');
  return protocol.state as State;
}

const sameEntry = (one: Entry, other: Entry): boolean =>
  one === other ||
  (one.epoch === other.epoch &&
    one.kind === other.kind &&
    one.time === other.time &&
    equalBytes(one.payload, other.payload));
