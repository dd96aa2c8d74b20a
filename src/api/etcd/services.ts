import { randomBytes } from 'node:crypto';
import { hex } from '../../core/bytes.ts';
import { Random } from '../../core/random.ts';
import { nodeClock } from '../../replica/node-clock.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { WatchHub } from '../../replica/watches/hub.ts';
import { Authenticator } from '../auth/authenticator.ts';
import { Passwords } from '../auth/passwords.ts';
import type { Tokens } from '../auth/tokens.ts';
import { defaultProgressIntervalMs, maxUnreadWatchBytes, unreadWatchPatienceMs } from '../limits.ts';
import { Code, Failure, type FaultReport, type Method, type Services } from '../rpc/rpc.ts';
import { SendBudget } from '../send-budget.ts';
import { ReplicaAccess } from './access.ts';
import { AlarmService } from './alarms.ts';
import { AuthService } from './auth.ts';
import { Changes } from './changes.ts';
import { ClusterService, type UrlSchemes } from './cluster.ts';
import { ElectionService } from './election.ts';
import { refusedFailure } from './errors.ts';
import { Guard } from './guard.ts';
import { ResponseHeaders } from './header.ts';
import { HealthService } from './health.ts';
import { KeyAccess } from './key-access.ts';
import { KvService } from './kv.ts';
import { LearnerGate } from './learner-gate.ts';
import { LeaseService } from './lease.ts';
import { LeaseGrants } from './lease-grants.ts';
import { LockService } from './lock.ts';
import { MaintenanceService } from './maintenance.ts';
import type { EtcdMethod, EtcdStreamMethod } from './method.ts';
import { Quota } from './quota.ts';
import { WatchService, watchPath } from './watch.ts';
import { tellsOutcome } from './write-outcome.ts';

/** The rest of the etcd v3 API: what a client may ask for and is told is not there. */
const notServed: Readonly<Record<string, readonly string[]>> = {
  'etcdserverpb.KV': ['RangeStream'],
};

export interface EtcdDoor {
  readonly services: Services;
  /** Methods by path of the JSON gateway below "/v3". */
  readonly gateway: ReadonlyMap<string, EtcdMethod | EtcdStreamMethod>;
  /** What all watches hang on. */
  readonly watches: WatchHub;
}

export interface EtcdDoorOptions {
  readonly replica: ReplicaHandle;
  readonly schemes: UrlSchemes;
  /** Bytes that the state may use; undefined for as many as the disk holds. */
  readonly quotaBytes: number | undefined;
  readonly tokens: Tokens;
  /** The common name of a client's certificate says which user it is. */
  readonly certificateNames: boolean;
  /** Milliseconds between two messages to a watcher who wants to know how far his watch has come; 10 minutes by default. */
  readonly progressIntervalMs?: number | undefined;
  /** Told of an exception, which no client should be able to cause. */
  readonly fault: FaultReport;
}

/** Everything of etcd's API that is served, over one replica. */
export function etcdDoor(options: EtcdDoorOptions): EtcdDoor {
  const { replica, schemes, fault } = options;
  const access = new ReplicaAccess(
    replica,
    new Authenticator(replica, options.tokens, options.certificateNames),
  );
  const headers = new ResponseHeaders(replica);
  const quota = new Quota(access, options.quotaBytes);
  const keys = new KeyAccess(access, headers, quota);
  const grants = new LeaseGrants(keys);
  const leases = new LeaseService({ access, headers, keys, grants, fault });
  const maintenance = new MaintenanceService(access, headers, quota);
  const health = new HealthService(replica);
  const guard = new Guard(access, fault);
  const learners = new LearnerGate(replica);
  const watches = new WatchHub({
    replica,
    clock: nodeClock,
    random: Random.fromSeed(hex(randomBytes(32))),
    progressIntervalMs: options.progressIntervalMs ?? defaultProgressIntervalMs,
    onFault: (error) => fault(error, watchPath),
  });
  const changes = new Changes(replica, watches);
  const election = new ElectionService(keys, changes, grants);
  const watchService = new WatchService({
    replica,
    headers,
    hub: watches,
    budget: new SendBudget(maxUnreadWatchBytes, unreadWatchPatienceMs),
    authorize: (range, call) =>
      access.deny(call, () => ({ type: 'keys', needs: [{ access: 'read', range }] })),
  });
  const unary = [
    ...new KvService(replica, keys).methods(),
    ...leases.methods(),
    ...new ClusterService(access, headers, schemes).methods(),
    ...maintenance.methods(),
    ...new AlarmService(access, headers, keys).methods(),
    ...new LockService(keys, changes, grants).methods(),
    ...election.methods(),
    ...new AuthService({ access, keys, headers, passwords: new Passwords() }).methods(),
  ].map((method) => tellsOutcome(learners.unary(guard.unary(method))));
  const streams = [
    ...watchService.streams(),
    ...leases.streams(),
    ...maintenance.streams(),
    ...election.streams(),
  ].map((method) => learners.stream(guard.stream(method)));
  const methods = new Map<string, Method>(
    unary.map((method) => [method.path, { type: 'unary', handle: method.handle }]),
  );
  for (const { path, method } of streams) methods.set(path, method);
  methods.set('/grpc.health.v1.Health/Check', { type: 'unary', handle: (request) => health.check(request) });
  methods.set('/grpc.health.v1.Health/Watch', {
    type: 'serverStream',
    handle: (request, call) => health.watch(request, call),
  });
  const gateway = new Map<string, EtcdMethod | EtcdStreamMethod>();
  for (const method of [...unary, ...streams])
    for (const path of method.gatewayPaths) gateway.set(path, method);
  return { services: { methods, unimplemented, stopping: refusedFailure('stopping') }, gateway, watches };
}

function unimplemented(path: string): Failure {
  const [, service = '', method = ''] = path.split('/');
  const known = Object.hasOwn(notServed, service) && notServed[service]?.includes(method);
  const why = known
    ? `${service}/${method} of the etcd API is not served yet by this version of quorate`
    : `unknown method ${path}`;
  return new Failure(Code.unimplemented, why);
}
