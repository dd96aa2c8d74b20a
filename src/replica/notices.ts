type Listener = () => void;

/** Who wants to know of one kind of event. */
class Listeners {
  readonly #listeners = new Set<Listener>();
  #due = false;

  /** The listener is called until what is returned is; harmless when repeated. */
  add(listener: Listener): () => void {
    // An object of its own for each call, so that one function can listen twice.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** To be told at the end of the turn. */
  mark(): void {
    this.#due = true;
  }

  tell(): void {
    if (!this.#due) return;
    this.#due = false;
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener();
  }
}

/** What a replica tells those around it, once a turn: they look for themselves what has become of it. */
export class Notices {
  /** The applied state has changed. */
  readonly applied = new Listeners();
  /** Another leader, none, or another epoch. */
  readonly leadership = new Listeners();

  tell(): void {
    this.leadership.tell();
    this.applied.tell();
  }
}
