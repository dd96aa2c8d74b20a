import type { Bytes } from '../bytes.ts';
import type { CallOptions, Coordination } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { HeldKey } from './held-key.ts';
import { mirror } from './mirror.ts';
import { defaultTtl } from './retry.ts';

export interface JoinOptions extends CallOptions {
  /** Seconds that we count as a member after we have died, or are cut off. 10 by default. */
  readonly ttl?: number | undefined;
}

export interface Membership extends AsyncDisposable {
  /** Fires when we leave, when somebody deletes our key, and when the others may not see us any more. */
  readonly lost: AbortSignal;
  /** Says something else of us; rejects with code `leaseLost` when we are no member any more. */
  update(value: Bytes, options?: CallOptions): Promise<void>;
  leave(options?: CallOptions): Promise<void>;
}

/** What a member says of itself, by the name that it joined under. */
export type Members = ReadonlyMap<string, Entry>;

/** Who is there: members come with `join`, and go when they leave or die. */
export interface Group {
  /** Rejects with code `revisionMismatch` when there is a member of that name; its `entry` is that one's. */
  join(member: string, value?: Bytes, options?: JoinOptions): Promise<Membership>;
  members(options?: CallOptions): Promise<Members>;
  /** The members now, and after each change. */
  watch(options?: { readonly signal?: AbortSignal | undefined }): AsyncIterableIterator<Members>;
}

/** Keys are `name/<member>`. */
export function group(coordination: Coordination, name: string): Group {
  const prefix = `${name}/`;
  const byMember = (entries: Iterable<Entry>): Members =>
    new Map([...entries].map((entry) => [entry.name.slice(prefix.length), entry]));
  return {
    async join(member, value = '', { ttl = defaultTtl, ...options } = {}) {
      const lease = await coordination.lease(ttl, options);
      const key = `${prefix}${member}`;
      try {
        const { revision } = await coordination.put(key, value, { ...options, ifRevision: 0n, lease });
        return new Member(new HeldKey(coordination, key, revision, lease));
      } catch (error) {
        void lease[Symbol.asyncDispose]();
        throw error;
      }
    },
    async members(options) {
      const { entries } = await coordination.range({ prefix }, options);
      return byMember(entries);
    },
    async *watch({ signal } = {}) {
      for await (const { entries } of mirror(coordination, { prefix }, signal))
        yield byMember(entries.values());
    },
  };
}

class Member implements Membership {
  readonly #held: HeldKey;

  constructor(held: HeldKey) {
    this.#held = held;
  }

  get lost(): AbortSignal {
    return this.#held.lost;
  }

  update(value: Bytes, options: CallOptions = {}): Promise<void> {
    return this.#held.update(value, options);
  }

  leave(options?: CallOptions): Promise<void> {
    return this.#held.leave(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#held[Symbol.asyncDispose]();
  }
}
