import type { NodeId } from '../core/ids.ts';
import type { RejectCode } from './handshake.ts';

/** Why replicas do not come together; for logs. Told once when it begins and again only when its cause changes. */
export type PeerProblem =
  | {
      readonly type: 'rejected';
      /** Which side dialled: `outbound` is us. */
      readonly direction: 'inbound' | 'outbound';
      readonly by: 'us' | 'them';
      /** Undefined when a stranger did not say who he is. */
      readonly peer: NodeId | undefined;
      readonly remote: string;
      readonly code: RejectCode;
      readonly text: string;
    }
  | {
      readonly type: 'unreachable';
      readonly peer: NodeId;
      readonly address: string;
      readonly reason: string;
    };

const remembered = 64;

/** Tells news from repetition, for a bounded number of subjects: those who knock are not ours to choose. */
export class Repetitions {
  readonly #last = new Map<string, string>();

  isNew(subject: string, text: string): boolean {
    const known = this.#last.get(subject) === text;
    this.#last.delete(subject);
    this.#last.set(subject, text);
    if (this.#last.size > remembered) {
      for (const oldest of this.#last.keys()) {
        this.#last.delete(oldest);
        break;
      }
    }
    return !known;
  }

  forget(subject: string): void {
    this.#last.delete(subject);
  }
}
