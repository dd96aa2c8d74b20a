import { Counter, Gauge, type Registry } from 'prom-client';
import { etcdVersion } from '../../api/etcd/version.ts';
import { compactedRevision, currentRevision, machineView } from '../../machine/index.ts';
import type { ReplicaHandle, ReplicaStatus } from '../../replica/types.ts';
import type { WatchStats } from '../../replica/watches/hub.ts';

export interface EtcdMetricsOptions {
  readonly registry: Registry;
  readonly replica: ReplicaHandle;
  readonly watches: () => WatchStats;
  readonly quotaBytes: number | undefined;
}

type Value = (now: ReplicaStatus) => number;

/** What dashboards and alerts made for etcd look at, under the names that they look for. */
export function registerEtcdMetrics(options: EtcdMetricsOptions): void {
  const { registry, replica, watches } = options;
  const gauge = (name: string, help: string, value: Value): void => {
    const collect = function (this: Gauge): void {
      this.set(value(replica.status()));
    };
    registry.registerMetric(new Gauge({ name, help, registers: [], collect }));
  };
  registerServer(gauge);
  gauge(
    'etcd_server_quota_backend_bytes',
    'Bytes that the state may use; 0 for no quota',
    () => options.quotaBytes ?? 0,
  );
  gauge('etcd_debugging_mvcc_watcher_total', 'Watches of all clients', () => watches().watches);
  gauge('etcd_debugging_mvcc_slow_watcher_total', 'Watches that are behind', () => watches().behind);
  gauge('etcd_debugging_mvcc_watch_stream_total', 'Streams of watches', () => watches().streams);
  registerKeySpace(gauge, replica);
  new Gauge({
    name: 'etcd_server_version',
    help: 'The level of the etcd API, as a label',
    labelNames: ['server_version'],
    registers: [registry],
  }).set({ server_version: etcdVersion }, 1);
  countLeaders(registry, replica);
}

function registerServer(gauge: (name: string, help: string, value: Value) => void): void {
  gauge('etcd_server_has_leader', '1 when this replica knows a leader', (now) =>
    Number(now.leader !== undefined),
  );
  gauge('etcd_server_is_leader', '1 when this replica leads', (now) => Number(now.role === 'leader'));
  gauge('etcd_server_is_learner', '1 when this replica is a learner', (now) =>
    Number(now.role === 'learner'),
  );
  gauge(
    'etcd_server_proposals_committed_total',
    'Last entry known to be decided',
    (now) => now.committedIndex,
  );
  gauge('etcd_server_proposals_applied_total', 'Last entry applied', (now) => now.appliedIndex);
  gauge('etcd_mvcc_db_total_size_in_bytes', 'Bytes that the state takes on disk', (now) => now.stateBytes);
  gauge(
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Bytes of the state that are in use',
    (now) => now.stateBytesInUse,
  );
}

function registerKeySpace(
  gauge: (name: string, help: string, value: Value) => void,
  replica: ReplicaHandle,
): void {
  const ofStore = (value: (store: ReturnType<typeof machineView>) => number): Value => {
    return () => {
      const store = replica.peek();
      return store === undefined ? 0 : value(machineView(store));
    };
  };
  gauge(
    'etcd_debugging_mvcc_current_revision',
    'Revision of the last write',
    ofStore((store) => Number(currentRevision(store))),
  );
  gauge(
    'etcd_debugging_mvcc_compact_revision',
    'Reads below this revision are refused',
    ofStore((store) => Number(compactedRevision(store))),
  );
}

function countLeaders(registry: Registry, replica: ReplicaHandle): void {
  const changes = new Counter({
    name: 'etcd_server_leader_changes_seen_total',
    help: 'How often this replica has come to know another leader',
    registers: [registry],
  });
  let last = replica.status().leader;
  replica.onLeadership(() => {
    const { leader } = replica.status();
    if (leader !== undefined && leader !== last) changes.inc();
    last = leader ?? last;
  });
}
