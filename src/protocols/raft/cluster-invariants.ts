import { assert } from '../../core/assert.ts';
import type { NodeId } from '../../core/ids.ts';
import type { ClusterInvariants, CommittedEntry, Effect, Protocol } from '../../protocol/index.ts';
import { ElectionSafety } from './safety/election-safety.ts';
import { LeaderAppendOnly } from './safety/leader-append-only.ts';
import { LeaderCompleteness } from './safety/leader-completeness.ts';
import { LogMatching } from './safety/log-matching.ts';
import { Monotonicity } from './safety/monotonicity.ts';
import type { Property, Seen } from './safety/property.ts';
import { StateMachineSafety } from './safety/state-machine-safety.ts';
import type { State } from './state.ts';

/** The safety properties of figure 3 of the Raft paper, over all replicas and all their starts. */
export class RaftInvariants implements ClusterInvariants {
  readonly #stateMachineSafety = new StateMachineSafety();
  readonly #seen = new Map<NodeId, Seen>();
  readonly properties: readonly Property[] = [
    this.#stateMachineSafety,
    new ElectionSafety(),
    new LeaderCompleteness(this.#stateMachineSafety.chosen),
    new LeaderAppendOnly(),
    new LogMatching(),
    new Monotonicity(),
  ];

  /** Everything that any replica has delivered, from index 1 on. */
  get chosen(): readonly CommittedEntry[] {
    return this.#stateMachineSafety.chosen.map(({ entry }) => entry);
  }

  observe(id: NodeId, protocol: Protocol, effects: readonly Effect[]): void {
    const state = stateOf(protocol);
    const seen = this.#seen.get(id);
    const observed = { id, state, committed: committedBy(effects), seen };
    for (const property of this.properties) property.observe(observed);
    this.#seen.set(id, remember(seen, state));
  }

  restarted(id: NodeId): void {
    this.#seen.delete(id);
  }
}

/** The state of a replica of Raft, with or without a mistake in it. */
export function stateOf(protocol: Protocol): Readonly<State> {
  assert('state' in protocol, 'these are the invariants of Raft');
  return protocol.state as State;
}

/** Written over what was seen before: this happens after every step of a simulated world. */
function remember(before: Seen | undefined, { hardState, commit, role, log }: Readonly<State>): Seen {
  const seen = before ?? { term: 0, commit: 0, led: false, lastEntry: undefined };
  seen.term = hardState.term;
  seen.commit = commit;
  seen.led = role.type === 'leader';
  seen.lastEntry = log.get(log.lastIndex);
  return seen;
}

function committedBy(effects: readonly Effect[]): readonly CommittedEntry[] {
  let committed: readonly CommittedEntry[] = none;
  for (const effect of effects) {
    if (effect.type !== 'commit') continue;
    committed = committed.length === 0 ? effect.entries : [...committed, ...effect.entries];
  }
  return committed;
}

const none: readonly CommittedEntry[] = [];
