import type { Permission_Type } from '../../src/api/etcd/gen/authpb/auth.ts';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { utf8 } from '../../src/core/bytes.ts';
import type { CallOptions, GrpcClient } from './grpc-client.ts';

type Codec<T> = Pick<pb.MessageFns<T>, 'encode' | 'decode'>;

/** Sends a token along with a call. */
export const as = (token: string | undefined): CallOptions =>
  token === undefined ? {} : { metadata: { token } };

/** The methods for users and roles, each as the holder of a token, or as nobody. */
export class AuthClient {
  readonly #client: GrpcClient;

  constructor(client: GrpcClient) {
    this.#client = client;
  }

  readonly enable = this.#method('AuthEnable', pb.AuthEnableRequest, pb.AuthEnableResponse);
  readonly disable = this.#method('AuthDisable', pb.AuthDisableRequest, pb.AuthDisableResponse);
  readonly status = this.#method('AuthStatus', pb.AuthStatusRequest, pb.AuthStatusResponse);
  readonly authenticate = this.#method('Authenticate', pb.AuthenticateRequest, pb.AuthenticateResponse);
  readonly userAdd = this.#method('UserAdd', pb.AuthUserAddRequest, pb.AuthUserAddResponse);
  readonly userGet = this.#method('UserGet', pb.AuthUserGetRequest, pb.AuthUserGetResponse);
  readonly userList = this.#method('UserList', pb.AuthUserListRequest, pb.AuthUserListResponse);
  readonly userDelete = this.#method('UserDelete', pb.AuthUserDeleteRequest, pb.AuthUserDeleteResponse);
  readonly userChangePassword = this.#method(
    'UserChangePassword',
    pb.AuthUserChangePasswordRequest,
    pb.AuthUserChangePasswordResponse,
  );
  readonly userGrantRole = this.#method(
    'UserGrantRole',
    pb.AuthUserGrantRoleRequest,
    pb.AuthUserGrantRoleResponse,
  );
  readonly userRevokeRole = this.#method(
    'UserRevokeRole',
    pb.AuthUserRevokeRoleRequest,
    pb.AuthUserRevokeRoleResponse,
  );
  readonly roleAdd = this.#method('RoleAdd', pb.AuthRoleAddRequest, pb.AuthRoleAddResponse);
  readonly roleGet = this.#method('RoleGet', pb.AuthRoleGetRequest, pb.AuthRoleGetResponse);
  readonly roleList = this.#method('RoleList', pb.AuthRoleListRequest, pb.AuthRoleListResponse);
  readonly roleDelete = this.#method('RoleDelete', pb.AuthRoleDeleteRequest, pb.AuthRoleDeleteResponse);
  readonly roleGrantPermission = this.#method(
    'RoleGrantPermission',
    pb.AuthRoleGrantPermissionRequest,
    pb.AuthRoleGrantPermissionResponse,
  );
  readonly roleRevokePermission = this.#method(
    'RoleRevokePermission',
    pb.AuthRoleRevokePermissionRequest,
    pb.AuthRoleRevokePermissionResponse,
  );

  addUser(name: string, password: string, token?: string): Promise<pb.AuthUserAddResponse> {
    return this.userAdd({ name, password, hashedPassword: '', options: undefined }, token);
  }

  /** A range end as in etcd: empty for the key alone, a zero byte for all from the key on. */
  grant(
    role: string,
    permType: Permission_Type,
    key: string,
    rangeEnd: string,
    token?: string,
  ): Promise<pb.AuthRoleGrantPermissionResponse> {
    const perm = { permType, key: utf8(key), rangeEnd: utf8(rangeEnd) };
    return this.roleGrantPermission({ name: role, perm }, token);
  }

  async login(name: string, password: string): Promise<string> {
    return (await this.authenticate({ name, password })).token;
  }

  /** Users are asked for from now on; the token of root. */
  async enableWithRoot(password: string): Promise<string> {
    await this.addUser('root', password);
    await this.userGrantRole({ user: 'root', role: 'root' });
    await this.enable({});
    return this.login('root', password);
  }

  /** A user with a role of the same name; the token. */
  async addMember(name: string, password: string, root: string): Promise<string> {
    await this.addUser(name, password, root);
    await this.roleAdd({ name }, root);
    await this.userGrantRole({ user: name, role: name }, root);
    return this.login(name, password);
  }

  #method<Q, A>(
    name: string,
    request: Codec<Q>,
    response: Codec<A>,
  ): (message: Q, token?: string) => Promise<A> {
    return (message, token) =>
      this.#client.call(`/etcdserverpb.Auth/${name}`, request, response, message, as(token));
  }
}
