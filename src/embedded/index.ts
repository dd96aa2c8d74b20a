import { Client } from '../client/client.ts';
import { defaultDeadlineMs } from '../client/validation.ts';
import type { ReplicaHandle } from '../replica/index.ts';
import { EmbeddedDriver } from './driver.ts';

export interface EmbeddedOptions {
  /** Milliseconds for a call that does not say otherwise. 5,000 by default. */
  readonly deadlineMs?: number | undefined;
}

/**
 * The same client as `connect` of `quorate/client` gives, with all recipes, for a replica in this process whose machine is
 * the key space (`keySpace` of `quorate/machine`). Closing it leaves the replica running.
 */
export function embedded(replica: ReplicaHandle, options: EmbeddedOptions = {}): Client {
  return new Client(new EmbeddedDriver(replica), options.deadlineMs ?? defaultDeadlineMs);
}
