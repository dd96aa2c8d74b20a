import { maxHttpBodyBytes } from '../limits.ts';
import type { ReceiveBudget, ReceiveShare } from '../receive-budget.ts';
import { type HttpResponse, text } from './http.ts';

const tooLarge = text(413, 'the request is too large; nothing was changed\n', {
  'quorate-outcome': 'refused',
});
const tooMany = text(429, 'too many requests at once; nothing was changed, try again\n', {
  'quorate-outcome': 'refused',
});

/** The body of a plain HTTP request while it comes in: bounded by itself, and together with all others of the port. */
export class HttpBody {
  readonly #share: ReceiveShare;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(budget: ReceiveBudget) {
    this.#share = budget.share();
  }

  /** What to answer instead of going on. */
  add(part: Buffer): HttpResponse | undefined {
    this.#length += part.length;
    const refusal =
      this.#length > maxHttpBodyBytes ? tooLarge : this.#share.hold(part.length) ? undefined : tooMany;
    if (refusal === undefined) this.#parts.push(part);
    else this.discard();
    return refusal;
  }

  /** All of it; nothing comes after. */
  take(): Uint8Array {
    const body = Buffer.concat(this.#parts);
    this.discard();
    return body;
  }

  /** The request was refused, or its client is gone. */
  discard(): void {
    this.#parts = [];
    this.#share.release();
  }
}
