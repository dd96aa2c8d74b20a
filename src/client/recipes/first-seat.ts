import type { Condition } from '../coordination.ts';
import type { Seat } from './seat.ts';

/** The seat of whoever has come first: what a held lock and a won election have in common. */
export abstract class FirstSeat implements AsyncDisposable {
  protected readonly seat: Seat;

  constructor(seat: Seat) {
    this.seat = seat;
  }

  get fence(): bigint {
    return this.seat.revision;
  }

  get key(): string {
    return this.seat.key;
  }

  get lost(): AbortSignal {
    return this.seat.lost;
  }

  get condition(): Condition {
    return this.seat.condition;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.seat[Symbol.asyncDispose]();
  }
}
