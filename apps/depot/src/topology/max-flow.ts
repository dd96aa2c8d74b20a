/**
 * Maximum flow by Dinic's algorithm (Dinitz 1970): level graphs by breadth first search, blocking flows by depth first
 * search. Capacities are real numbers; what is below `epsilon` counts as nothing, so that rounding errors do not keep the
 * search busy.
 */
export class FlowGraph {
  static readonly epsilon = 1e-9;
  readonly #outgoing: number[][] = [];
  readonly #head: number[] = [];
  readonly #residual: number[] = [];

  addVertex(): number {
    return this.#outgoing.push([]) - 1;
  }

  /** Adds an edge that carries up to `forward` from `from` to `to`, and up to `backward` the other way; returns its id. */
  addEdge(from: number, to: number, forward: number, backward: number): number {
    const id = this.#head.length;
    this.#head.push(to, from);
    this.#residual.push(forward, backward);
    this.#outgoing[from]?.push(id);
    this.#outgoing[to]?.push(id + 1);
    return id;
  }

  /** What edge `id` could carry further in its direction. */
  residual(id: number): number {
    return this.#residual[id] ?? 0;
  }

  /** Sends as much as possible, but at most `limit`, on top of what flows already; returns how much. */
  augment(source: number, sink: number, limit = Infinity): number {
    let sent = 0;
    while (limit - sent > FlowGraph.epsilon) {
      const levels = this.#levels(source, sink);
      if (levels === undefined) break;
      const next = new Int32Array(this.#outgoing.length);
      for (let pushed = 1; pushed > 0; ) {
        pushed = limit - sent > FlowGraph.epsilon ? this.#push(source, sink, limit - sent, levels, next) : 0;
        sent += pushed;
      }
    }
    return sent;
  }

  /** Distances from `source` along edges with room, or undefined when `sink` cannot be reached. */
  #levels(source: number, sink: number): Int32Array | undefined {
    const levels = new Int32Array(this.#outgoing.length).fill(-1);
    levels[source] = 0;
    const queue = [source];
    for (const vertex of queue) {
      for (const edge of this.#outgoing[vertex] ?? []) {
        const to = this.#head[edge] ?? -1;
        if (levels[to] !== -1 || this.residual(edge) <= FlowGraph.epsilon) continue;
        levels[to] = (levels[vertex] ?? 0) + 1;
        queue.push(to);
      }
    }
    return levels[sink] === -1 ? undefined : levels;
  }

  /** Sends flow along one path of the level graph; `next` remembers which edges of a vertex are exhausted. */
  #push(source: number, sink: number, limit: number, levels: Int32Array, next: Int32Array): number {
    const path: number[] = [];
    let vertex = source;
    while (vertex !== sink) {
      const edge = this.#outgoing[vertex]?.[next[vertex] ?? 0];
      if (edge === undefined) {
        const back = path.pop();
        if (back === undefined) return 0;
        vertex = this.#head[back ^ 1] ?? source;
        next[vertex] = (next[vertex] ?? 0) + 1;
        continue;
      }
      const to = this.#head[edge] ?? -1;
      if (this.residual(edge) > FlowGraph.epsilon && levels[to] === (levels[vertex] ?? 0) + 1) {
        path.push(edge);
        vertex = to;
      } else {
        next[vertex] = (next[vertex] ?? 0) + 1;
      }
    }
    const amount = path.reduce((least, edge) => Math.min(least, this.residual(edge)), limit);
    for (const edge of path) {
      this.#residual[edge] = this.residual(edge) - amount;
      this.#residual[edge ^ 1] = this.residual(edge ^ 1) + amount;
    }
    return amount;
  }
}
