import { assert } from '../../core/assert.ts';

/**
 * Who may call a method while users are asked for. `anybody`: also those who say not who they are. `user`: whoever is one.
 * `root`: who may do everything. `keys`: users, by what the request touches, which the service itself looks at. `messages`:
 * the same for each message of a stream, which is answered by a message too.
 */
export type Policy = 'anybody' | 'user' | 'root' | 'keys' | 'messages';

/** Every method has its line: one without is a mistake that shows when the server starts. */
const policies: Readonly<Record<string, Policy>> = {
  '/etcdserverpb.KV/Range': 'keys',
  '/etcdserverpb.KV/RangeStream': 'keys',
  '/etcdserverpb.KV/Put': 'keys',
  '/etcdserverpb.KV/DeleteRange': 'keys',
  '/etcdserverpb.KV/Txn': 'keys',
  '/etcdserverpb.KV/Compact': 'user',
  '/etcdserverpb.Watch/Watch': 'messages',
  '/etcdserverpb.Lease/LeaseGrant': 'user',
  '/etcdserverpb.Lease/LeaseRevoke': 'keys',
  '/etcdserverpb.Lease/LeaseKeepAlive': 'keys',
  '/etcdserverpb.Lease/LeaseTimeToLive': 'keys',
  '/etcdserverpb.Lease/LeaseLeases': 'keys',
  '/etcdserverpb.Cluster/MemberAdd': 'root',
  '/etcdserverpb.Cluster/MemberRemove': 'root',
  '/etcdserverpb.Cluster/MemberUpdate': 'root',
  '/etcdserverpb.Cluster/MemberPromote': 'root',
  // Clients look for the members before they can show who they are.
  '/etcdserverpb.Cluster/MemberList': 'anybody',
  '/etcdserverpb.Maintenance/Alarm': 'user',
  '/etcdserverpb.Maintenance/Status': 'anybody',
  '/etcdserverpb.Maintenance/Defragment': 'root',
  '/etcdserverpb.Maintenance/Hash': 'root',
  '/etcdserverpb.Maintenance/HashKV': 'root',
  '/etcdserverpb.Maintenance/Snapshot': 'root',
  '/etcdserverpb.Maintenance/MoveLeader': 'root',
  '/etcdserverpb.Maintenance/Downgrade': 'root',
  '/etcdserverpb.Auth/Authenticate': 'anybody',
  '/etcdserverpb.Auth/AuthStatus': 'anybody',
  '/etcdserverpb.Auth/AuthEnable': 'root',
  '/etcdserverpb.Auth/AuthDisable': 'root',
  '/etcdserverpb.Auth/UserAdd': 'root',
  // Of themselves, and of their roles, also those who are not root may ask.
  '/etcdserverpb.Auth/UserGet': 'keys',
  '/etcdserverpb.Auth/RoleGet': 'keys',
  '/etcdserverpb.Auth/UserList': 'root',
  '/etcdserverpb.Auth/UserDelete': 'root',
  '/etcdserverpb.Auth/UserChangePassword': 'root',
  '/etcdserverpb.Auth/UserGrantRole': 'root',
  '/etcdserverpb.Auth/UserRevokeRole': 'root',
  '/etcdserverpb.Auth/RoleAdd': 'root',
  '/etcdserverpb.Auth/RoleList': 'root',
  '/etcdserverpb.Auth/RoleDelete': 'root',
  '/etcdserverpb.Auth/RoleGrantPermission': 'root',
  '/etcdserverpb.Auth/RoleRevokePermission': 'root',
  '/v3lockpb.Lock/Lock': 'keys',
  '/v3lockpb.Lock/Unlock': 'keys',
  '/v3electionpb.Election/Campaign': 'keys',
  '/v3electionpb.Election/Proclaim': 'keys',
  '/v3electionpb.Election/Leader': 'keys',
  '/v3electionpb.Election/Observe': 'keys',
  '/v3electionpb.Election/Resign': 'keys',
  '/grpc.health.v1.Health/Check': 'anybody',
  '/grpc.health.v1.Health/Watch': 'anybody',
};

export function policyOf(path: string): Policy {
  const policy = Object.hasOwn(policies, path) ? policies[path] : undefined;
  assert(policy !== undefined, `nothing says who may call ${path}`);
  return policy;
}
