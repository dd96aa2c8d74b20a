import { describe, expect, it } from 'vitest';
import { drawOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';

describe('five that are not fully connected', () => {
  it('are separated when they have begun, however long that takes them', () => {
    const drawn = drawOptions(11, { faultMs: 200, replicas: 5, faults: [] });
    const slow = {
      ...drawn,
      disk: { minDelayMs: 200, maxDelayMs: 300 },
      timing: { heartbeatInterval: 400, electionTimeout: 2_000 },
      flushIntervalMs: 3_000,
      watchers: 0,
      leases: 0,
      maxCompactionMs: 0,
      survivor: false,
      workload: { ...drawn.workload, clients: 2, maxThinkMs: 100, timeoutMs: 10_000 },
    };
    for (const standing of ['bridgedLeader', 'leavesBesideLeader', 'leafOnLeader'] as const) {
      const report = simulateWorld({ ...slow, standing });
      expect(report.violation).toBeUndefined();
      expect(report.decided).toBeGreaterThan(0);
    }
  });
});
