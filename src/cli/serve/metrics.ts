import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ReplicaObserver, ReplicaStatus } from '../../replica/index.ts';

const syncSeconds = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4];
const batchRecords = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];
const batchBytes = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];

/** Numbers of one replica and its process, for Prometheus. */
export class ReplicaMetrics {
  readonly registry = new Registry();
  readonly #syncSeconds = this.#histogram(
    'quorate_journal_sync_seconds',
    'Time of one write and sync of the journal, in whole milliseconds',
    syncSeconds,
  );
  /** The same under etcd's name. */
  readonly #fsyncSeconds = this.#histogram(
    'etcd_disk_wal_fsync_duration_seconds',
    'Time of one write and sync of the journal, in whole milliseconds',
    syncSeconds,
  );
  readonly #batchRecords = this.#histogram(
    'quorate_journal_batch_records',
    'Records in one write of the journal',
    batchRecords,
  );
  readonly #batchBytes = this.#histogram(
    'quorate_journal_batch_bytes',
    'Bytes in one write of the journal',
    batchBytes,
  );
  readonly #waiting = new Gauge({
    name: 'quorate_waiting',
    help: 'What waited at the end of the latest turn: inputs taken, proposals, reads, entries to apply',
    labelNames: ['what'],
    registers: [this.registry],
  });

  constructor() {
    // With these come the delay of the event loop, memory, processor time and open files.
    collectDefaultMetrics({ register: this.registry });
  }

  /** The part of an observer that counts. */
  readonly observer: Required<Pick<ReplicaObserver, 'synced' | 'turned'>> = {
    synced: (records, bytes, milliseconds) => {
      this.#syncSeconds.observe(milliseconds / 1000);
      this.#fsyncSeconds.observe(milliseconds / 1000);
      this.#batchRecords.observe(records);
      this.#batchBytes.observe(bytes);
    },
    turned: ({ inputs, proposals, reads, unapplied }) => {
      this.#waiting.set({ what: 'inputs' }, inputs);
      this.#waiting.set({ what: 'proposals' }, proposals);
      this.#waiting.set({ what: 'reads' }, reads);
      this.#waiting.set({ what: 'unapplied' }, unapplied);
    },
  };

  /** Asks for the status whenever the numbers are read. */
  watch(status: () => ReplicaStatus): void {
    const gauge = (name: string, help: string, value: (now: ReplicaStatus) => number): void => {
      const collect = function (this: Gauge): void {
        this.set(value(status()));
      };
      this.registry.registerMetric(new Gauge({ name, help, registers: [], collect }));
    };
    gauge('quorate_is_leader', '1 when this replica leads', (now) => Number(now.role === 'leader'));
    gauge('quorate_has_leader', '1 when this replica knows a leader', (now) =>
      Number(now.leader !== undefined),
    );
    gauge('quorate_epoch', 'Term, view or ballot of the protocol', (now) => now.epoch);
    gauge('quorate_committed_index', 'Last entry known to be decided', (now) => now.committedIndex);
    gauge('quorate_applied_index', 'Last entry applied', (now) => now.appliedIndex);
    gauge('quorate_storage_full', '1 when writes are refused because the disk is full', (now) =>
      Number(now.storageFull),
    );
    gauge('quorate_state_bytes', 'Bytes that the state takes on disk', (now) => now.stateBytes);
    gauge('quorate_state_used_bytes', 'Bytes of the state that are in use', (now) => now.stateBytesInUse);
    gauge(
      'quorate_state_pending_bytes',
      'Bytes applied and not yet durable in the state',
      (now) => now.stateBytesPending,
    );
    gauge('quorate_journal_bytes', 'Bytes of the journal in use', (now) => now.journalBytes);
    gauge(
      'quorate_journal_queued_bytes',
      'Bytes waiting to be written to the journal',
      (now) => now.journalBytesQueued,
    );
    gauge(
      'quorate_peers_up',
      'Peers that this replica can send to',
      (now) => now.peers.filter(({ up }) => up).length,
    );
    gauge('quorate_peer_queued_bytes', 'Bytes waiting to be sent, in the longest queue to a peer', (now) =>
      Math.max(0, ...now.peers.map(({ queuedBytes }) => queuedBytes)),
    );
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.registry] });
  }
}
