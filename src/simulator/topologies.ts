/** Who is connected with whom among five, by places; all others are not. */
type Links = readonly (readonly [number, number])[];

/**
 * partial connectivity of five, in which protocols without care lose progress although a majority is connected. By
 * places; the leader, mostly, has place 0.
 */
const topologies = {
  /** Three are connected with one another, the leader with one of them only, and the fifth with nobody. */
  bridgedLeader: [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 3],
  ],
  /** The leader and two others are connected; of the rest, each hangs on one of those two. */
  leavesBesideLeader: [
    [0, 1],
    [0, 2],
    [1, 2],
    [1, 3],
    [2, 4],
  ],
  /** The same, where one of the rest hangs on the leader. */
  leafOnLeader: [
    [0, 1],
    [0, 2],
    [1, 2],
    [1, 3],
    [0, 4],
  ],
} as const satisfies Record<string, Links>;

export type Topology = keyof typeof topologies;

export const topologyNames: readonly Topology[] = ['bridgedLeader', 'leavesBesideLeader', 'leafOnLeader'];

/** The places of the three of whom each is connected with the two others: a majority that can always go on. */
const cores: Readonly<Record<Topology, readonly number[]>> = {
  bridgedLeader: [1, 2, 3],
  leavesBesideLeader: [0, 1, 2],
  leafOnLeader: [0, 1, 2],
};

/** Whether `one` and `other`, two of the five at `places`, cannot talk to each other. */
export function areSeparated<T>(topology: Topology, places: readonly T[], one: T, other: T): boolean {
  const [a, b] = [places.indexOf(one), places.indexOf(other)];
  return !topologies[topology].some(([x, y]) => (x === a && y === b) || (x === b && y === a));
}

interface Connected {
  readonly name: string;
  readonly leads: boolean;
  readonly betrayed: boolean;
}

/** Cuts five off from one another as `topology` says. Returns those of its core who can take part. */
export function connectAs<T extends Connected>(
  topology: Topology,
  five: readonly T[],
  network: { cut(from: string, to: string): void },
): T[] {
  // Whoever has lost its disk has the last place, which is in no core.
  const places = [...five].sort(
    (a, b) => Number(a.betrayed) - Number(b.betrayed) || Number(b.leads) - Number(a.leads),
  );
  for (const from of places) {
    for (const to of places) {
      if (from !== to && areSeparated(topology, places, from, to)) network.cut(from.name, to.name);
    }
  }
  return places.filter((_, place) => cores[topology].includes(place));
}
