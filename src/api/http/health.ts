import { type AlarmType, alarms, currentRevision, machineView } from '../../machine/index.ts';
import type { ReadConsistency, ReplicaHandle } from '../../replica/types.ts';
import { healthCheckTimeoutMs } from '../limits.ts';
import { type HttpResponse, json, text } from './http.ts';

/** Undefined when all is well, else what is wrong. */
type Check = (replica: ReplicaHandle) => Promise<string | undefined>;

const liveness: Readonly<Record<string, Check>> = {
  serializable_read: (replica) => readable(replica, 'local'),
};

const readiness: Readonly<Record<string, Check>> = {
  data_corruption: async (replica) =>
    stands(replica, 'corrupt') ? 'an alarm says that the replicas differ' : undefined,
  serializable_read: (replica) => readable(replica, 'local'),
  // Without the snapshot it would wait in vain.
  linearizable_read: async (replica) =>
    replica.status().snapshotShortage ?? readable(replica, 'linearizable'),
  non_learner: async (replica) =>
    replica.status().role === 'learner' ? 'this replica is a learner' : undefined,
};

async function readable(replica: ReplicaHandle, consistency: ReadConsistency): Promise<string | undefined> {
  const outcome = await replica.read(consistency, healthCheckTimeoutMs);
  if (outcome.type === 'refused') return outcome.reason;
  currentRevision(machineView(outcome.store));
  return undefined;
}

function stands(replica: ReplicaHandle, type: AlarmType): boolean {
  const store = replica.peek();
  return store !== undefined && alarms(machineView(store)).some(({ alarm }) => alarm === type);
}

/** /health as etcd answers it: healthy when there is a leader, no alarm stands, and reads are served. */
export async function health(replica: ReplicaHandle, query: URLSearchParams): Promise<HttpResponse> {
  const reason = await healthProblem(replica, query);
  return reason === undefined
    ? json(200, { health: 'true', reason: '' })
    : json(503, { health: 'false', reason });
}

async function healthProblem(replica: ReplicaHandle, query: URLSearchParams): Promise<string | undefined> {
  const { leader, storageFull, storageShortage } = replica.status();
  const excluded = query.getAll('exclude');
  const noSpace = storageFull || stands(replica, 'noSpace');
  const local = query.get('serializable') === 'true';
  if (noSpace && !excluded.includes('NOSPACE'))
    return storageShortage === undefined ? 'ALARM NOSPACE' : `ALARM NOSPACE: ${storageShortage}`;
  if (stands(replica, 'corrupt') && !excluded.includes('CORRUPT')) return 'ALARM CORRUPT';
  if (!local && leader === undefined) return 'RAFT NO LEADER';
  const failed = await readable(replica, local ? 'local' : 'linearizable');
  return failed === undefined ? undefined : `RANGE ERROR:${failed}`;
}

/** /livez: restart the process when this fails. */
export const livez = (replica: ReplicaHandle, query: URLSearchParams): Promise<HttpResponse> =>
  report(liveness, replica, query);

/** /readyz: send no clients here while this fails. */
export const readyz = (replica: ReplicaHandle, query: URLSearchParams): Promise<HttpResponse> =>
  report(readiness, replica, query);

/** `?verbose` lists every check, `?exclude=name` leaves one out. A failure always lists them. */
async function report(
  checks: Readonly<Record<string, Check>>,
  replica: ReplicaHandle,
  query: URLSearchParams,
): Promise<HttpResponse> {
  const excluded = new Set(query.getAll('exclude'));
  const lines: string[] = [];
  let healthy = true;
  for (const [name, check] of Object.entries(checks)) {
    if (excluded.has(name)) continue;
    const problem = await check(replica);
    if (problem !== undefined) healthy = false;
    lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`);
  }
  const list = `${lines.join('\n')}\n`;
  if (!healthy) return text(503, list);
  return text(200, query.has('verbose') ? `${list}ok\n` : 'ok\n');
}
