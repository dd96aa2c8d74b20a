import type { Local } from './replicas.ts';

/** What is left of everything that is bounded, packed into one number. */
export type Budgets = number;

const chunkWords = 1 << 20;
const headWords = 5;

/** States in the order of their discovery, each a few words: millions of them fit into memory. */
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

  add(
    parent: number,
    action: number,
    past: number,
    budgets: Budgets,
    locals: readonly Local[],
    packets: readonly number[],
  ): void {
    const words = headWords + this.#replicas + packets.length;
    const chunk = this.#room(words);
    let at = this.#end % chunkWords;
    for (const word of [parent, action, past, budgets, packets.length]) chunk[at++] = word;
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
    return this.#word(at, 0);
  }

  action(at: number): number {
    return this.#word(at, 1);
  }

  get(at: number): { past: number; budgets: Budgets; locals: number[]; packets: number[] } {
    const offset = this.#offsets[at] as number;
    const chunk = this.#chunks[Math.floor(offset / chunkWords)] as Int32Array;
    const start = (offset % chunkWords) + headWords;
    const middle = start + this.#replicas;
    const packets = chunk[start - 1] as number;
    return {
      past: chunk[start - 3] as number,
      budgets: chunk[start - 2] as number,
      locals: [...chunk.subarray(start, middle)],
      packets: [...chunk.subarray(middle, middle + packets)],
    };
  }

  #word(at: number, word: number): number {
    const offset = (this.#offsets[at] as number) + word;
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
