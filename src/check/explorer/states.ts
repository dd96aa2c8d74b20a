import type { Past } from './properties.ts';
import type { Local } from './replicas.ts';

/** What is left of everything that is bounded, packed into one number. */
export type Budgets = number;

/** All replicas, the messages between them, what happened so far and what may still happen. */
export interface WholeState {
  readonly locals: readonly Local[];
  readonly packets: readonly number[];
  readonly past: Past;
  readonly budgets: Budgets;
}

/** Messages on their way, by the names that they have under one renaming. */
export interface NamedPackets {
  readonly count: number;
  /** Bits of all the names: a set that lacks one of them lacks one of the messages. */
  readonly signature: number;
  has(name: number): boolean;
}

const word = { parent: 0, action: 1, past: 2, budgets: 3, renaming: 4, signature: 5, older: 6, packets: 7 };
const headWords = 8;
const chunkWords = 1 << 20;

/** States in the order of their discovery, each a few words: tens of millions of them fit into memory. */
export class States {
  readonly #replicas: number;
  readonly #chunks: Int32Array[] = [new Int32Array(chunkWords)];
  /** Where each state begins: chunk × chunkWords + offset. */
  #offsets = new Float64Array(1 << 12);
  #end = 0;
  #count = 0;

  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * `family` says under which renaming it is a member of its family, which bits its messages have under it, and which state of the
   * family was found before it (-1 for none).
   */
  add(
    parent: number,
    action: number,
    { past, budgets, locals, packets }: WholeState,
    family: { readonly renaming: number; readonly signature: number; readonly older: number },
  ): void {
    const words = headWords + this.#replicas + packets.length;
    const chunk = this.#room(words);
    let at = this.#end % chunkWords;
    chunk[at + word.parent] = parent;
    chunk[at + word.action] = action;
    chunk[at + word.past] = past.id;
    chunk[at + word.budgets] = budgets;
    chunk[at + word.renaming] = family.renaming;
    chunk[at + word.signature] = family.signature;
    chunk[at + word.older] = family.older;
    chunk[at + word.packets] = packets.length;
    at += headWords;
    for (const { id } of locals) chunk[at++] = id;
    for (const id of packets) chunk[at++] = id;
    if (this.#count === this.#offsets.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.#count++] = this.#end;
    this.#end += words;
  }

  parent(at: number): number {
    return this.#word(at, word.parent);
  }

  action(at: number): number {
    return this.#word(at, word.action);
  }

  get(at: number): { past: number; budgets: Budgets; locals: number[]; packets: number[] } {
    const offset = this.#offsets[at] as number;
    const chunk = this.#chunks[Math.floor(offset / chunkWords)] as Int32Array;
    const head = offset % chunkWords;
    const start = head + headWords;
    const middle = start + this.#replicas;
    const packets = chunk[head + word.packets] as number;
    return {
      past: chunk[head + word.past] as number,
      budgets: chunk[head + word.budgets] as number,
      locals: [...chunk.subarray(start, middle)],
      packets: [...chunk.subarray(middle, middle + packets)],
    };
  }

  /**
   * Whether one of `newest` and its older ones has all of the messages. `nameOf` gives a message its name under a renaming.
   */
  someHolds(
    newest: number,
    wanted: NamedPackets,
    nameOf: (packet: number, renaming: number) => number,
  ): boolean {
    const { count, signature } = wanted;
    for (let at = newest; at >= 0; ) {
      const offset = this.#offsets[at] as number;
      const chunk = this.#chunks[Math.floor(offset / chunkWords)] as Int32Array;
      const head = offset % chunkWords;
      at = chunk[head + word.older] as number;
      const packets = chunk[head + word.packets] as number;
      if (packets < count) continue;
      if ((signature & ~(chunk[head + word.signature] as number)) !== 0) continue;
      const renaming = chunk[head + word.renaming] as number;
      const first = head + headWords + this.#replicas;
      let found = 0;
      // As soon as more are missing than it has to spare, it is not this one.
      for (let i = 0; found < count && packets - i >= count - found; i++) {
        if (wanted.has(nameOf(chunk[first + i] as number, renaming))) found++;
      }
      if (found === count) return true;
    }
    return false;
  }

  #word(at: number, which: number): number {
    const offset = (this.#offsets[at] as number) + which;
    return this.#chunks[Math.floor(offset / chunkWords)]?.[offset % chunkWords] as number;
  }

  /** A state lies in one chunk: what is left of a full one stays empty. */
  #room(words: number): Int32Array {
    if ((this.#end % chunkWords) + words > chunkWords || (this.#end > 0 && this.#end % chunkWords === 0)) {
      this.#end = Math.ceil(this.#end / chunkWords) * chunkWords;
      this.#chunks.push(new Int32Array(chunkWords));
    }
    return this.#chunks.at(-1) as Int32Array;
  }
}
