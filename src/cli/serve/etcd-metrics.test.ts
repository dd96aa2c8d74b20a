import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { utf8 } from '../../core/bytes.ts';
import { nodeId } from '../../core/ids.ts';
import { encodeCommand, putOf } from '../../machine/index.ts';
import { registerEtcdMetrics } from './etcd-metrics.ts';

test('numbers under the names that dashboards made for etcd look for', async () => {
  const registry = new Registry();
  const replica = new SingleReplica();
  const watches = { watches: 5, behind: 2, streams: 1, blocked: 0 };
  registerEtcdMetrics({ registry, replica, watches: () => watches, quotaBytes: 1000 });
  for (let i = 0; i < 3; i++) await replica.propose(encodeCommand(putOf(utf8('a'), utf8('1'))));
  await replica.propose(encodeCommand({ type: 'compact', revision: 3n }));
  for (const leader of [undefined, nodeId(8), nodeId(8), undefined, nodeId(8), nodeId(7)])
    replica.lead({ leader });
  const text = await registry.metrics();
  const expected = {
    etcd_server_has_leader: 1,
    etcd_server_is_leader: 1,
    etcd_server_is_learner: 0,
    etcd_server_leader_changes_seen_total: 2,
    etcd_server_proposals_committed_total: 4,
    etcd_server_proposals_applied_total: 4,
    etcd_server_quota_backend_bytes: 1000,
    etcd_mvcc_db_total_size_in_bytes: 4096,
    etcd_mvcc_db_total_size_in_use_in_bytes: 2048,
    etcd_debugging_mvcc_current_revision: 4,
    etcd_debugging_mvcc_compact_revision: 3,
    etcd_debugging_mvcc_watcher_total: 5,
    etcd_debugging_mvcc_slow_watcher_total: 2,
    etcd_debugging_mvcc_watch_stream_total: 1,
  };
  for (const [name, value] of Object.entries(expected)) expect(text).toContain(`\n${name} ${value}\n`);
  expect(text).toMatch(/^etcd_server_version\{server_version="3\.\d+\.\d+"\} 1$/m);
});
