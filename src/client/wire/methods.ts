import {
  AuthenticateRequest,
  AuthenticateResponse,
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
  type MessageFns,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  StatusRequest,
  StatusResponse,
  TxnRequest,
  TxnResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';

/** A call with one request and one answer. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: MessageFns<Request>;
  readonly response: MessageFns<Response>;
}

const method = <Request, Response>(
  path: string,
  request: MessageFns<Request>,
  response: MessageFns<Response>,
): Method<Request, Response> => ({ path: `/etcdserverpb.${path}`, request, response });

export const methods = {
  range: method('KV/Range', RangeRequest, RangeResponse),
  put: method('KV/Put', PutRequest, PutResponse),
  deleteRange: method('KV/DeleteRange', DeleteRangeRequest, DeleteRangeResponse),
  txn: method('KV/Txn', TxnRequest, TxnResponse),
  compact: method('KV/Compact', CompactionRequest, CompactionResponse),
  leaseGrant: method('Lease/LeaseGrant', LeaseGrantRequest, LeaseGrantResponse),
  leaseRevoke: method('Lease/LeaseRevoke', LeaseRevokeRequest, LeaseRevokeResponse),
  status: method('Maintenance/Status', StatusRequest, StatusResponse),
  memberList: method('Cluster/MemberList', MemberListRequest, MemberListResponse),
  memberAdd: method('Cluster/MemberAdd', MemberAddRequest, MemberAddResponse),
  memberRemove: method('Cluster/MemberRemove', MemberRemoveRequest, MemberRemoveResponse),
  memberUpdate: method('Cluster/MemberUpdate', MemberUpdateRequest, MemberUpdateResponse),
  memberPromote: method('Cluster/MemberPromote', MemberPromoteRequest, MemberPromoteResponse),
  authenticate: method('Auth/Authenticate', AuthenticateRequest, AuthenticateResponse),
} as const;

export const streamPaths = {
  snapshot: '/etcdserverpb.Maintenance/Snapshot',
  watch: '/etcdserverpb.Watch/Watch',
  leaseKeepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
} as const;
