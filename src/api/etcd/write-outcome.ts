import { Failure } from '../rpc/rpc.ts';
import { refused } from './errors.ts';
import type { EtcdMethod } from './method.ts';

/**
 * Methods that change something in one step, if they change anything: a failure that does not say otherwise comes from
 * before that step, or from the machine, which changes nothing when it refuses. Locks and elections take several steps,
 * and what a failure leaves of those is told by their texts.
 */
const writes: ReadonlySet<string> = new Set([
  '/etcdserverpb.KV/Put',
  '/etcdserverpb.KV/DeleteRange',
  '/etcdserverpb.KV/Txn',
  '/etcdserverpb.KV/Compact',
  '/etcdserverpb.Lease/LeaseGrant',
  '/etcdserverpb.Lease/LeaseRevoke',
  '/etcdserverpb.Cluster/MemberAdd',
  '/etcdserverpb.Cluster/MemberRemove',
  '/etcdserverpb.Cluster/MemberUpdate',
  '/etcdserverpb.Cluster/MemberPromote',
  '/etcdserverpb.Maintenance/Alarm',
  '/etcdserverpb.Auth/AuthEnable',
  '/etcdserverpb.Auth/AuthDisable',
  '/etcdserverpb.Auth/UserAdd',
  '/etcdserverpb.Auth/UserDelete',
  '/etcdserverpb.Auth/UserChangePassword',
  '/etcdserverpb.Auth/UserGrantRole',
  '/etcdserverpb.Auth/UserRevokeRole',
  '/etcdserverpb.Auth/RoleAdd',
  '/etcdserverpb.Auth/RoleDelete',
  '/etcdserverpb.Auth/RoleGrantPermission',
  '/etcdserverpb.Auth/RoleRevokePermission',
]);

/** Stands outside everything else before a method: every failed write says what became of it. */
export function tellsOutcome(method: EtcdMethod): EtcdMethod {
  if (!writes.has(method.path)) return method;
  return {
    ...method,
    handle: (request, call) => {
      const answer = method.handle(request, call);
      return answer instanceof Promise ? answer.then(told) : told(answer);
    },
    handleJson: async (request, call) => told(await method.handleJson(request, call)),
  };
}

function told<T>(answer: T): T | Failure {
  if (!(answer instanceof Failure) || answer.trailers?.['quorate-outcome'] !== undefined) return answer;
  return refused(answer);
}
