import type { Coordination, Selection } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { CoordinationError } from '../errors.ts';
import { op, when } from '../operations.ts';
import { type Picture, pictureOf } from './mirror.ts';
import { Seat, type SeatOptions } from './seat.ts';

export interface Attendance extends AsyncDisposable {
  /** Fires when we are not counted any more: the others may go on without us. */
  readonly lost: AbortSignal;
  /** Resolves when all have left. */
  leave(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** So many begin together, and end together. */
export interface DoubleBarrier {
  /**
   * Resolves when as many have entered as the barrier takes. Who comes too late for a round waits for the next one, which
   * begins when all of this one have left.
   */
  enter(options?: SeatOptions): Promise<Attendance>;
}

/**
 * Keys: `name/in/…`, one for each that is inside, and `name/ready`, from when they are complete until all have left. The
 * second one keeps rounds apart; its value is the create revision of the last one that belongs to the round.
 */
export function doubleBarrier(coordination: Coordination, name: string, members: number): DoubleBarrier {
  if (!(Number.isSafeInteger(members) && members > 0)) {
    throw new CoordinationError('invalid', 'refused', `a barrier is for 1 or more, not for ${members}`);
  }
  return { enter: (options = {}) => new Round(coordination, name, members).enter(options) };
}

class Round {
  readonly #coordination: Coordination;
  readonly #all: Selection;
  readonly #ready: string;
  readonly #inside: string;
  readonly #members: number;

  constructor(coordination: Coordination, name: string, members: number) {
    this.#coordination = coordination;
    this.#all = { prefix: `${name}/` };
    this.#ready = `${name}/ready`;
    this.#inside = `${name}/in`;
    this.#members = members;
  }

  async enter(options: SeatOptions): Promise<Attendance> {
    const seat = await this.#place(options);
    return {
      get lost() {
        return seat.lost;
      },
      leave: async ({ signal } = {}) => {
        await seat.leave({ signal });
        await this.#untilEmpty(signal);
      },
      [Symbol.asyncDispose]: () => seat[Symbol.asyncDispose](),
    };
  }

  async #place(options: SeatOptions): Promise<Seat> {
    for (;;) {
      await this.#untilEmpty(options.signal);
      const seat = await Seat.take(this.#coordination, this.#inside, '', options);
      try {
        if (await this.#untilComplete(seat, options.signal)) return seat;
      } catch (error) {
        const lost = seat.lost.aborted && options.signal?.aborted !== true;
        void seat[Symbol.asyncDispose]();
        throw lost ? seat.lost.reason : error;
      }
      await seat[Symbol.asyncDispose]();
    }
  }

  /** No round is under way: nobody is inside after it was complete. */
  async #untilEmpty(signal: AbortSignal | undefined): Promise<void> {
    await pictureOf(this.#coordination, this.#all, signal, async (picture) => {
      if (!picture.entries.has(this.#ready)) return true;
      if (this.#seats(picture).length > 0) return false;
      // Whoever sees it first tidies up; the condition keeps a slow one from ending the next round.
      const nobody = when.missing({ prefix: `${this.#inside}/` });
      await this.#coordination.txn({ if: [nobody], do: [op.del(this.#ready)] }, { signal });
      return false;
    });
  }

  /** False: the round was complete without us, and may wait for us to leave. */
  async #untilComplete(seat: Seat, signal: AbortSignal | undefined): Promise<boolean> {
    const either = signal === undefined ? seat.lost : AbortSignal.any([signal, seat.lost]);
    let admitted = false;
    await pictureOf(this.#coordination, this.#all, either, async (picture) => {
      const ready = picture.entries.get(this.#ready);
      if (ready !== undefined) {
        admitted = seat.revision <= lastRevision(ready);
        return true;
      }
      const last = this.#seats(picture)[this.#members - 1];
      if (last === undefined) return false;
      await this.#coordination.txn(
        { if: [when.missing(this.#ready), seat.condition], do: [op.put(this.#ready, String(last))] },
        { signal: either },
      );
      return false;
    });
    return admitted;
  }

  /** Revisions of those inside, in the order in which they came. */
  #seats({ entries }: Picture): bigint[] {
    return [...entries.values()]
      .filter((entry) => entry.name !== this.#ready)
      .map((entry) => entry.createRevision)
      .sort((a, b) => (a < b ? -1 : 1));
  }
}

function lastRevision({ name, text }: Entry): bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  const message = `somebody else put the key ${name}: a barrier takes a name that is used for nothing else`;
  throw new CoordinationError('invalid', 'refused', message);
}
