import { clusterTime, epoch, index } from '../core/ids.ts';
import { maxPublishedAddresses, maxPublishedAddressLength } from '../core/limits.ts';
import { featureLevel } from '../machine/index.ts';
import type { Base } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import { Journal } from '../storage/journal.ts';
import { openManifest } from './data-directory.ts';
import { checkFeatureLevel } from './feature-level.ts';
import { initialConfiguration } from './identity.ts';
import type { Manifest } from './manifest.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { ReplicaCore } from './replica-core.ts';
import { diskTrouble, haltReason, ReplicaError } from './replica-error.ts';

/**
 * Opens a data directory, or creates it, and begins to take part. Calls back when the replica listens to its peers; an
 * empty one then still waits to be admitted. After an error nothing is left running.
 */
export function openReplica(
  options: ReplicaCoreOptions,
  callback: (
    ...outcome: [error: ReplicaError, core: undefined] | [error: undefined, core: ReplicaCore]
  ) => void,
): void {
  const unfit = unfitProtocol(options) ?? unfitMember(options);
  if (unfit !== undefined) return callback(unfit, undefined);
  openManifest(options, (manifestError, manifest) => {
    if (manifestError !== undefined) return callback(manifestError, undefined);
    options.openBackend(initialBase(manifest), (backendError, backend) => {
      if (backendError !== undefined) return callback(diskTrouble('The state', backendError), undefined);
      try {
        checkFeatureLevel(featureLevel(backend.store), options.machine);
      } catch (error) {
        return backend.close(() => callback(haltReason(error), undefined));
      }
      openJournal(options, manifest, backend, (error, core) => {
        if (error !== undefined) return backend.close(() => callback(error, undefined));
        core.begin((beginError) => {
          if (beginError === undefined) callback(undefined, core);
          else core.stop(() => callback(beginError, undefined));
        });
      });
    });
  });
}

function openJournal(
  options: ReplicaCoreOptions,
  manifest: Manifest,
  backend: StoreBackend,
  callback: (
    ...outcome: [error: ReplicaError, core: undefined] | [error: undefined, core: ReplicaCore]
  ) => void,
): void {
  let core: ReplicaCore | undefined;
  Journal.open(
    {
      disk: options.disk,
      clock: options.clock,
      directory: 'journal',
      storageId: manifest.storageId,
      ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
      onDurable: (upTo) => core?.journalEvents.durable(upTo),
      onRoom: (shortage) => core?.journalEvents.room(shortage),
      onFailure: (error) => core?.journalEvents.failed(error),
      observe: ({ records, bytes, syncMs }) => options.observer.synced?.(records, bytes, syncMs),
    },
    (error, opened) => {
      if (error !== undefined) return callback(diskTrouble('The journal', error), undefined);
      const { journal, records, cut } = opened;
      if (cut !== undefined) {
        options.observer.log('warn', 'a torn, unacknowledged write at the end of the journal was removed', {
          ...cut,
        });
      }
      core = new ReplicaCore(options, { manifest, backend, journal, records });
      callback(undefined, core);
    },
  );
}

function initialBase(manifest: Manifest): Base {
  return {
    position: { index: index(0), epoch: epoch(0), time: clusterTime(0) },
    configuration: initialConfiguration(manifest.initialMembers),
  };
}

/** What this host cannot do yet it refuses, instead of doing it wrongly. */
function unfitProtocol({ definition }: ReplicaCoreOptions): ReplicaError | undefined {
  const { orders, finality, faultModel } = definition.capabilities;
  const fit = orders === 'total' && finality === 'instant' && faultModel === 'crash-recovery';
  if (fit) return undefined;
  return new ReplicaError(
    'CONFIGURATION',
    `The protocol ${definition.name} (order ${orders}, finality ${finality}, faults ${faultModel}) cannot be hosted: this ` +
      'replica needs a total order with instant finality that survives crashes and restarts.',
  );
}

/** What this member tells the others about itself has to fit what they take. */
function unfitMember({ clientAddresses, version }: ReplicaCoreOptions): ReplicaError | undefined {
  const fits =
    clientAddresses.length <= maxPublishedAddresses &&
    [...clientAddresses, version].every((text) => text.length <= maxPublishedAddressLength);
  if (fits) return undefined;
  return new ReplicaError(
    'CONFIGURATION',
    `A member has at most ${maxPublishedAddresses} client addresses, each of them and its version of at most ` +
      `${maxPublishedAddressLength} characters.`,
  );
}
