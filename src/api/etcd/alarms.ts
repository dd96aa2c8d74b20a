import { type AlarmType, alarms, currentRevision } from '../../machine/index.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import type { ReplicaAccess } from './access.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import type { KeyAccess } from './key-access.ts';
import { type EtcdMethod, etcdMethod } from './method.ts';

const numbers: Readonly<Record<AlarmType, pb.AlarmType>> = {
  noSpace: pb.AlarmType.NOSPACE,
  corrupt: pb.AlarmType.CORRUPT,
};

const types: Readonly<Partial<Record<number, AlarmType>>> = {
  [pb.AlarmType.NOSPACE]: 'noSpace',
  [pb.AlarmType.CORRUPT]: 'corrupt',
};

/** etcdserverpb.Maintenance: Alarm. */
export class AlarmService {
  readonly #access: ReplicaAccess;
  readonly #headers: ResponseHeaders;
  readonly #keys: KeyAccess;

  constructor(access: ReplicaAccess, headers: ResponseHeaders, keys: KeyAccess) {
    this.#access = access;
    this.#headers = headers;
    this.#keys = keys;
  }

  methods(): EtcdMethod[] {
    return [
      etcdMethod(
        '/etcdserverpb.Maintenance/Alarm',
        '/maintenance/alarm',
        pb.AlarmRequest,
        pb.AlarmResponse,
        (request, call) => this.#alarm(request, call),
      ),
    ];
  }

  async #alarm(request: pb.AlarmRequest, call: Call): Promise<pb.AlarmResponse | Failure> {
    const alarm = types[request.alarm];
    if (request.action === pb.AlarmRequest_AlarmAction.GET) return this.#standing(alarm, call);
    // As in etcd: no alarm in particular is none at all, and nothing happens.
    if (alarm === undefined) return this.#none(call);
    const action = request.action === pb.AlarmRequest_AlarmAction.ACTIVATE ? 'activate' : 'deactivate';
    // Whoever was removed may still have one to be taken back.
    if (action === 'activate' && !this.#isMember(request.memberID)) return etcdErrors.memberNotFound;
    const answered = await this.#keys.execute(
      { type: 'alarm', action, member: request.memberID, alarm },
      call,
    );
    if (answered instanceof Failure) return answered;
    return { header: answered.header, alarms: answered.result.alarms.map(alarmMember) };
  }

  #isMember(id: bigint): boolean {
    const { members } = this.#access.replica.status().configuration;
    return members.some((member) => BigInt(member.id) === id);
  }

  async #standing(type: AlarmType | undefined, call: Call): Promise<pb.AlarmResponse | Failure> {
    const view = await this.#access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const standing = alarms(view.store).filter(({ alarm }) => type === undefined || alarm === type);
    const header = this.#headers.header(currentRevision(view.store), view.epoch);
    return { header, alarms: standing.map(alarmMember) };
  }

  async #none(call: Call): Promise<pb.AlarmResponse | Failure> {
    const view = await this.#access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const denied = view.deny(() => ({ type: 'root' }));
    if (denied !== undefined) return denied;
    return { header: this.#headers.header(currentRevision(view.store), view.epoch), alarms: [] };
  }
}

const alarmMember = ({
  member,
  alarm,
}: {
  readonly member: bigint;
  readonly alarm: AlarmType;
}): pb.AlarmMember => ({
  memberID: member,
  alarm: numbers[alarm],
});
