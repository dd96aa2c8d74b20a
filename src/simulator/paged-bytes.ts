/** Of a power of two, and small: a write of less copies the rest of its page when that is shared. */
const pageBytes = 4096;

interface Page {
  readonly bytes: Uint8Array;
  /** May be looked at by others: it is copied before it is changed. */
  shared: boolean;
}

/**
 * The bytes of a file. Whole pages are taken as they were handed over, so that what is written, then visible, then durable
 * is there once. What was never written is zero, and takes no room.
 */
export class PagedBytes {
  #pages: (Page | undefined)[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.max(offset, Math.min(offset + length, this.#length));
    const read = new Uint8Array(end - offset);
    for (let from = offset; from < end; ) {
      const to = Math.min(end, endOfPage(from));
      const page = this.#pages[pageOf(from)];
      if (page !== undefined)
        read.set(page.bytes.subarray(from % pageBytes, to - startOfPage(from)), from - offset);
      from = to;
    }
    return read;
  }

  /** `bytes` must not change any more. */
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    for (let from = offset; from < end; ) {
      const to = Math.min(end, endOfPage(from));
      const part = bytes.subarray(from - offset, to - offset);
      if (part.length === pageBytes) this.#pages[pageOf(from)] = { bytes: part, shared: true };
      else this.#own(pageOf(from)).set(part, from % pageBytes);
      from = to;
    }
    if (bytes.length > 0) this.#length = Math.max(this.#length, end);
  }

  resize(length: number): void {
    if (length < this.#length) {
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(length / pageBytes));
      const within = length % pageBytes;
      if (within > 0 && this.#pages[pageOf(length)] !== undefined) this.#own(pageOf(length)).fill(0, within);
    }
    this.#length = length;
  }

  flipBit(bit: number): void {
    const at = bit >> 3;
    if (at >= this.#length) return;
    const page = this.#own(pageOf(at));
    page[at % pageBytes] = (page[at % pageBytes] as number) ^ (1 << (bit & 7));
  }

  copy(): PagedBytes {
    for (const page of this.#pages) if (page !== undefined) page.shared = true;
    const copy = new PagedBytes();
    copy.#pages = this.#pages.slice();
    copy.#length = this.#length;
    return copy;
  }

  /** The page, to be written to. */
  #own(at: number): Uint8Array {
    const page = this.#pages[at];
    if (page !== undefined && !page.shared) return page.bytes;
    const own = new Uint8Array(pageBytes);
    if (page !== undefined) own.set(page.bytes);
    this.#pages[at] = { bytes: own, shared: false };
    return own;
  }
}

const pageOf = (offset: number): number => Math.floor(offset / pageBytes);
const startOfPage = (offset: number): number => offset - (offset % pageBytes);
const endOfPage = (offset: number): number => startOfPage(offset) + pageBytes;
