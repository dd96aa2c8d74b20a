import { equalBytes } from '../core/bytes.ts';
import { type Facts, type Reject, reject } from './handshake.ts';
import type { PeerAddress } from './link.ts';

// Two who claim to be one member. `live` is what the one that is connected said of itself, if one is.

/** Another start of a data directory of which one is connected: it was copied, or its end has not been noticed yet. */
export function copyOf(live: Facts | undefined, hello: Facts): Reject | undefined {
  if (live === undefined || live.incarnation === hello.incarnation) return undefined;
  if (!equalBytes(live.storageId, hello.storageId)) return undefined;
  return reject(
    'duplicateName',
    `another start of replica ${hello.name} (${hello.id}) is connected: its data directory was copied or rolled back, ` +
      'or that start ended a moment ago',
  );
}

/** Someone else under the name of a replica that is connected: one of them must not be. */
export function twinOf(live: Facts | undefined, hello: Facts): Reject | undefined {
  if (live === undefined || equalBytes(live.storageId, hello.storageId)) return undefined;
  return reject(
    'duplicateName',
    `a replica ${hello.name} (${hello.id}) with another data directory is connected: stop one of them`,
  );
}

/** Whether a member has turned out to be another data directory than the one that is connected under its id. */
export const isAnother = ({ storageId }: PeerAddress, live: Facts | undefined): boolean =>
  live !== undefined &&
  storageId !== undefined &&
  storageId.length > 0 &&
  !equalBytes(storageId, live.storageId);
