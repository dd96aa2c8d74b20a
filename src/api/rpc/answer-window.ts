import { maxUnreadAnswerBytes, unreadAnswerBytesAtRest } from '../limits.ts';

/**
 * Answers of one connection that its client has not read. A client that asks and does not read must not fill our memory:
 * above a bound its further calls wait until it has read, as they would wait in the client.
 */
export class AnswerWindow {
  #unread = 0;
  readonly #waiting = new Set<() => void>();

  /** Begins a call, now or when enough has been read. What is returned lets go of one that has not begun. */
  enter(begin: () => void): () => void {
    if (this.#unread <= unreadAnswerBytesAtRest) {
      begin();
      return () => {};
    }
    this.#waiting.add(begin);
    return () => this.#waiting.delete(begin);
  }

  /** False, and nothing held, when calls that had begun together have more to say than there is room for. */
  hold(bytes: number): boolean {
    if (this.#unread > 0 && this.#unread + bytes > maxUnreadAnswerBytes) return false;
    this.#unread += bytes;
    return true;
  }

  /** So much was read, or will not be. */
  release(bytes: number): void {
    this.#unread -= bytes;
    for (const begin of this.#waiting) {
      if (this.#unread > unreadAnswerBytesAtRest) return;
      this.#waiting.delete(begin);
      begin();
    }
  }
}
