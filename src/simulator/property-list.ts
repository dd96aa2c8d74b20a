/** A promise, where it comes from, and what it is checked by. */
interface PropertyOf<Name extends string> {
  readonly name: Name;
  readonly source: string;
  readonly checks: string;
  readonly notChecked: string;
  /** The file that checks it. */
  readonly file: string;
}

const property = <const Name extends string>(
  name: Name,
  file: string,
  source: string,
  checks: string,
  notChecked: string,
): PropertyOf<Name> => ({ name, file, source, checks, notChecked });

/** Everything that a world can be found to break; docs/reference/properties.md is written from it. */
export const properties = [
  property(
    'invariants of the protocol',
    'src/protocols/raft/cluster-invariants.ts',
    'Raft (2014), figure 3; thesis, appendix B',
    'after every step, over all lives: the properties of the protocol, each in the table below; in each replica what its invariants.ts states',
    'that entries stay on the disks of a quorum: the explorer and the rehearsals see disks, worlds do not',
  ),
  property(
    'agreement',
    'src/simulator/properties.ts',
    'Raft (2014), state machine safety; Multi-Paxos, agreement on (slot, command)',
    'at every commit: at one index one entry, on all replicas, in all their lives',
    '—',
  ),
  property(
    'one leader per epoch',
    'src/simulator/properties.ts',
    'Raft (2014), election safety',
    'at every change of leadership: nobody else led in that epoch',
    '—',
  ),
  property(
    'equal states',
    'src/simulator/properties.ts',
    'Schneider (1990), state machine replication',
    'after every event: at one applied index one digest of the whole state, sessions and leases included',
    'indexes that no two replicas stop at between two events',
  ),
  property(
    'revisions never go back',
    'src/simulator/workload.ts',
    'etcd API, guarantees: revisions are monotonic',
    'at every answer: at least the revision that any client had seen before it asked, and more for a write',
    'serializable reads, which worlds do not ask for',
  ),
  property(
    'one write per revision',
    'src/simulator/workload.ts',
    'etcd API, guarantees: a revision is one transaction',
    'at every answer: no two writes were told the same revision',
    '—',
  ),
  property(
    'exactly once',
    'src/simulator/chronicle.ts',
    'Raft thesis, section 6.3; RIFL (2015)',
    'every value is written by one call, and is written at most once, however often the call was retried, forwarded and ordered',
    'retries by clients of their own accord, which are calls of their own',
  ),
  property(
    'refusals are final',
    'src/simulator/chronicle.ts',
    'our contract of outcomes: refused means that nothing happened, and nothing will',
    'a value whose write was refused never appears, before or after, and neither does a member whose addition was refused',
    'refused deletes and removals, whose effect cannot be told from others',
  ),
  property(
    'acknowledged writes are kept',
    'src/simulator/kept.ts',
    'etcd API, guarantees: durability',
    'at the end: each acknowledged write is in the history at the revision that its client was told, and every replica holds what the last write of each key left',
    'with unlimited faults, under which writes may be lost with the disks that held them',
  ),
  property(
    'linearizability',
    'src/check/linearizability.ts',
    'Herlihy and Wing (1990); search of Wing and Gong (1993) with memoization of Lowe (2017)',
    'at the end: for each key one order explains all answers; undecided within the budget counts as broken',
    'transactions over several keys, ranges',
  ),
  property(
    'compaction keeps what it must',
    'src/simulator/chronicle.ts',
    'etcd API, guarantees: history from the compacted revision on',
    'no event after the compacted revision is gone when it is read for the first time; at the end every replica holds all events from the compacted revision on, with their values',
    'that space is given back, which the tests of the key space count',
  ),
  property(
    'watches are ordered',
    'src/simulator/watchers.ts',
    'etcd API, guarantees of watches: ordered, previous value',
    'every event is the next one of the history that the watch asks for, with its value and what it replaced',
    'a previous value that was left out, since compaction may take it',
  ),
  property(
    'watches are unique',
    'src/simulator/watchers.ts',
    'etcd API, guarantees of watches: unique, bookmarkable',
    'nothing is told twice, nor after a progress notice that covers it, also when a client goes on at another replica',
    '—',
  ),
  property(
    'watches are reliable',
    'src/simulator/watchers.ts',
    'etcd API, guarantees of watches: reliable, atomic, resumable',
    'between two messages nothing is left out: all events of all revisions through the one that is named; a watch ends by compaction only when it was behind it',
    'fragments and frames of a door, which tests of the doors check',
  ),
  property(
    'leases never end early',
    'src/simulator/lease-clients.ts',
    'Gray and Cheriton (1989); etcd API, leases',
    'a key goes no earlier than its time to live after its client last asked for a renewal that was granted, as fast as clocks of this world may run',
    'worlds in which clocks jump',
  ),
  property(
    'lost disks never come back',
    'src/simulator/node.ts',
    'Raft (2014), section 5.1: term, vote and log are on stable storage; trap R-10',
    'a replica whose disk was lost after it was counted never takes a step again under its id',
    'members that were added and not yet written down with their directory: they may start anew',
  ),
  property(
    'replicas go on',
    'src/simulator/node.ts',
    'our contract with operators',
    'a replica gives up only when its disk has betrayed it (failed a sync, was lost, or holds what was never written), or when a configuration that removes it was decided',
    '—',
  ),
  property(
    'a survivor keeps what it had',
    'src/simulator/survivor.ts',
    'our contract with operators: quorate recover',
    'at the end, in some worlds: begun with alone after a power cut of all, a replica takes a write, and has every state on its way that it was seen to have applied before',
    'what others decided without it, which is lost; the copy of the directory and the new cluster, which tests with real files check',
  ),
  property(
    'nothing throws',
    'src/simulator/world.ts',
    'our contract with operators',
    'no exception escapes from any callback',
    '—',
  ),
  property(
    'progress without faults',
    'src/simulator/world.ts',
    'Dwork, Lynch and Stockmeyer (1988): progress after stabilization',
    'when everything is healed: every member of the last configuration takes a write, no change of membership is left half done, leases that nobody renews end, all members hold equal states and watchers are told everything, each within 20 simulated seconds',
    'with unlimited faults',
  ),
] as const;

export type PropertyName = (typeof properties)[number]['name'];
