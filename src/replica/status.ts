import { hex } from '../core/bytes.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Journal } from '../storage/journal.ts';
import type { Peers } from '../transport/peers.ts';
import type { Driver } from './driver.ts';
import type { Manifest } from './manifest.ts';
import type { ReplicaStatus } from './types.ts';

/** Puts together what a replica says of itself. */
export function statusOf(parts: {
  readonly manifest: Manifest;
  readonly phase: ReplicaStatus['phase'];
  readonly driver: Driver;
  readonly backend: StoreBackend;
  readonly journal: Journal;
  readonly peers: Peers;
  readonly shortage: string | undefined;
  readonly snapshotShortage: string | undefined;
}): ReplicaStatus {
  const { manifest, phase, driver, backend, journal, shortage, snapshotShortage } = parts;
  const { position } = backend.base();
  const stateBytes = backend.bytes();
  return {
    name: manifest.name,
    clusterId: manifest.clusterId,
    memberId: manifest.memberId,
    protocol: manifest.protocol,
    phase,
    ...driver.leadership,
    appliedIndex: position.index,
    committedIndex: driver.committedIndex,
    time: position.time,
    configuration: driver.configuration,
    storageFull: (shortage ?? snapshotShortage) !== undefined,
    storageShortage: shortage ?? snapshotShortage,
    snapshotShortage,
    stateBytes: stateBytes.total,
    stateBytesInUse: stateBytes.inUse,
    stateBytesPending: backend.pendingBytes(),
    journalBytes: journal.bytes(),
    journalBytesQueued: journal.queuedBytes(),
    peers: parts.peers.status().map(({ id, name, session, roundTripMs, queuedBytes }) => ({
      id,
      name,
      up: session !== undefined,
      roundTripMs,
      queuedBytes,
    })),
    digest: hex(backend.digest()),
  };
}
