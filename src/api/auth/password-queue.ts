import { maxPasswordsAtOnce, maxWaitingPasswords } from '../limits.ts';

/** There are so many passwords to look at already that this one would wait too long: nothing was done. */
export const tooManyPasswords = Symbol('too many passwords');
/** Nobody waits for it any more: nothing was done. */
export const abandonedPassword = Symbol('abandoned password');

export type Unhashed = typeof tooManyPasswords | typeof abandonedPassword;

export interface PasswordTurn {
  /** Whose password it is said to be. */
  readonly user: string;
  isAbandoned(): boolean;
}

interface Waiting {
  readonly turn: PasswordTurn;
  begin(): void;
  giveUp(why: Unhashed): void;
}

/**
 * Whose password is looked at next. Each takes a thread of those that also sync the journal, for long: few are under way at
 * once, those that wait are bounded, and those whose callers have gone take no turn. Users take turns, and when there is no
 * room the one with the most waiting loses his last, so that guesses at one password do not keep the others out.
 */
export class PasswordQueue {
  /** By user; who comes first in the map is next. No line is empty. */
  readonly #lines = new Map<string, Waiting[]>();
  #waiting = 0;
  #running = 0;

  run<T>(turn: PasswordTurn, work: () => Promise<T>): Promise<T | Unhashed> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        this.#running++;
        work()
          .then(resolve, reject)
          .finally(() => {
            this.#running--;
            this.#next();
          });
      };
      if (!this.#makeRoom(turn.user)) return resolve(tooManyPasswords);
      this.#enter({ turn, begin, giveUp: resolve });
      this.#next();
    });
  }

  #enter(waiting: Waiting): void {
    const { user } = waiting.turn;
    const line = this.#lines.get(user);
    if (line === undefined) this.#lines.set(user, [waiting]);
    else line.push(waiting);
    this.#waiting++;
  }

  #next(): void {
    while (this.#running < maxPasswordsAtOnce) {
      const waiting = this.#take();
      if (waiting === undefined) return;
      if (waiting.turn.isAbandoned()) waiting.giveUp(abandonedPassword);
      else waiting.begin();
    }
  }

  #take(): Waiting | undefined {
    for (const [user, line] of this.#lines) {
      const first = line.shift();
      this.#lines.delete(user);
      if (line.length > 0) this.#lines.set(user, line);
      this.#waiting--;
      return first;
    }
    return undefined;
  }

  /** Whether one more may wait for this user. */
  #makeRoom(user: string): boolean {
    if (this.#waiting < maxWaitingPasswords) return true;
    this.#dropAbandoned();
    if (this.#waiting < maxWaitingPasswords) return true;
    let longest: Waiting[] = [];
    for (const line of this.#lines.values()) if (line.length > longest.length) longest = line;
    const own = this.#lines.get(user)?.length ?? 0;
    if (own + 1 >= longest.length) return false;
    longest.pop()?.giveUp(tooManyPasswords);
    this.#waiting--;
    return true;
  }

  #dropAbandoned(): void {
    for (const [user, line] of this.#lines) {
      const [kept, gone] = [line.filter(isWanted), line.filter((waiting) => !isWanted(waiting))];
      if (gone.length === 0) continue;
      for (const waiting of gone) waiting.giveUp(abandonedPassword);
      this.#waiting -= gone.length;
      if (kept.length === 0) this.#lines.delete(user);
      else this.#lines.set(user, kept);
    }
  }
}

const isWanted = ({ turn }: Waiting): boolean => !turn.isAbandoned();
