import type { ReplicaHandle } from '../../replica/types.ts';
import type { FaultReport } from '../rpc/grpc-call.ts';
import { Code, Failure, type Method, type Services } from '../rpc/rpc.ts';
import { ReplicaAccess } from './access.ts';
import { AlarmService } from './alarms.ts';
import { ClusterService, type UrlSchemes } from './cluster.ts';
import { ElectionService } from './election.ts';
import { refusedFailure } from './errors.ts';
import { ResponseHeaders } from './header.ts';
import { HealthService } from './health.ts';
import { KeyAccess } from './key-access.ts';
import { KvService } from './kv.ts';
import { LeaseService } from './lease.ts';
import { LeaseGrants } from './lease-grants.ts';
import { LockService } from './lock.ts';
import { MaintenanceService } from './maintenance.ts';
import type { EtcdMethod, EtcdStreamMethod } from './method.ts';

/** The rest of the etcd v3 API: what a client may ask for and is told is not there. */
const notServed: Readonly<Record<string, readonly string[]>> = {
  'etcdserverpb.KV': ['RangeStream'],
  'etcdserverpb.Watch': ['Watch'],
  'etcdserverpb.Cluster': ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'],
  'etcdserverpb.Auth': [
    ...['AuthEnable', 'AuthDisable', 'AuthStatus', 'Authenticate'],
    ...[
      'UserAdd',
      'UserGet',
      'UserList',
      'UserDelete',
      'UserChangePassword',
      'UserGrantRole',
      'UserRevokeRole',
    ],
    ...['RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'],
  ],
};

export interface EtcdDoor {
  readonly services: Services;
  /** Methods by path of the JSON gateway below "/v3". */
  readonly gateway: ReadonlyMap<string, EtcdMethod | EtcdStreamMethod>;
}

export interface EtcdDoorOptions {
  readonly replica: ReplicaHandle;
  readonly schemes: UrlSchemes;
  /** Told of an exception, which no client should be able to cause. */
  readonly fault: FaultReport;
}

/** Everything of etcd's API that is served, over one replica. */
export function etcdDoor({ replica, schemes, fault }: EtcdDoorOptions): EtcdDoor {
  const access = new ReplicaAccess(replica);
  const headers = new ResponseHeaders(replica);
  const keys = new KeyAccess(access, headers);
  const grants = new LeaseGrants(keys);
  const leases = new LeaseService({ access, headers, keys, grants, fault });
  const maintenance = new MaintenanceService(access, headers);
  const election = new ElectionService(access, keys, grants);
  const health = new HealthService(replica);
  const unary = [
    ...new KvService(replica, keys).methods(),
    ...leases.methods(),
    ...new ClusterService(access, headers, schemes).methods(),
    ...maintenance.methods(),
    ...new AlarmService(access, headers, keys).methods(),
    ...new LockService(access, keys, grants).methods(),
    ...election.methods(),
  ];
  const streams = [...leases.streams(), ...maintenance.streams(), ...election.streams()];
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
  return { services: { methods, unimplemented, stopping: refusedFailure('stopping') }, gateway };
}

function unimplemented(path: string): Failure {
  const [, service = '', method = ''] = path.split('/');
  const known = Object.hasOwn(notServed, service) && notServed[service]?.includes(method);
  const why = known
    ? `${service}/${method} of the etcd API is not served yet by this version of quorate`
    : `unknown method ${path}`;
  return new Failure(Code.unimplemented, why);
}
