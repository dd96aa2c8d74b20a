import type { Epoch } from '../../core/ids.ts';
import type { ReadStore } from '../../core/store.ts';
import {
  authorize,
  encodeAuthored,
  encodeOfReplica,
  type Identity,
  isAuthEnabled,
  machineView,
  type Requirement,
} from '../../machine/index.ts';
import type { Configuration, Reconfiguration } from '../../protocol/index.ts';
import type { ReadConsistency, ReplicaHandle } from '../../replica/types.ts';
import { type Authenticator, invalidAuthToken } from '../auth/authenticator.ts';
import { requestTimeoutMs } from '../limits.ts';
import { type Call, Failure } from '../rpc/rpc.ts';
import { etcdErrors, keyFailure, refusedFailure, unknownFailure } from './errors.ts';
import { serverCall } from './server-call.ts';

/** The key space's part of a replica's state; to be used before the event loop goes on. */
export interface KeySpaceView {
  readonly store: ReadStore;
  readonly epoch: Epoch;
}

/** The same on behalf of somebody: `deny` is to be asked before anything of it is shown. */
export interface PersonalView extends KeySpaceView {
  /** Undefined for nobody in particular. */
  readonly identity: Identity | undefined;
  /** Why the caller may not see what needs so much, by the rules of this very state. Asked for when users are. */
  deny(requirement: () => Requirement): Failure | undefined;
}

export interface Executed {
  readonly result: Uint8Array;
  readonly epoch: Epoch;
}

/** Asks the replica on behalf of a call: within its deadline, in its caller's name, and with etcd's errors. */
export class ReplicaAccess {
  readonly replica: ReplicaHandle;
  readonly authenticator: Authenticator;

  constructor(replica: ReplicaHandle, authenticator: Authenticator) {
    this.replica = replica;
    this.authenticator = authenticator;
  }

  /** The command goes under the name of the caller: what he may do is seen to when it is applied. */
  async propose(command: Uint8Array, call: Call): Promise<Executed | Failure> {
    if (this.#leaderMissing(call)) return refusedFailure('noLeader');
    const found = this.authenticator.identify(call);
    const caller = found instanceof Promise ? await found : found;
    if (caller === invalidAuthToken) return etcdErrors.invalidAuthToken;
    const outcome = await this.replica.propose(authoredBy(caller, call, command), timeoutOf(call));
    switch (outcome.type) {
      case 'done':
        return outcome;
      case 'refused':
        return refusedFailure(outcome.reason);
      case 'unknown':
        return unknownFailure(outcome.reason);
    }
  }

  /** Whether the caller may change members is seen to before. */
  async reconfigure(change: Reconfiguration, call: Call): Promise<Configuration | Failure> {
    if (this.#leaderMissing(call)) return refusedFailure('noLeader');
    const outcome = await this.replica.reconfigure(change, timeoutOf(call));
    switch (outcome.type) {
      case 'done':
        return outcome.configuration;
      case 'refused':
        return refusedFailure(outcome.reason);
      case 'unknown':
        return unknownFailure(outcome.reason);
    }
  }

  async read(consistency: ReadConsistency, call: Call): Promise<PersonalView | Failure> {
    const found = this.authenticator.identify(call);
    const caller = found instanceof Promise ? await found : found;
    if (caller === invalidAuthToken) return etcdErrors.invalidAuthToken;
    const view = await this.readForAnybody(consistency, call);
    if (view instanceof Failure) return view;
    const { store, epoch } = view;
    return { store, epoch, identity: caller, deny: (requirement) => denial(store, caller, requirement) };
  }

  /** For what everybody may know: nobody is asked who he is. */
  async readForAnybody(consistency: ReadConsistency, call: Call): Promise<KeySpaceView | Failure> {
    if (this.#leaderMissing(call)) return refusedFailure('noLeader');
    const outcome = await this.replica.read(consistency, timeoutOf(call));
    if (outcome.type === 'refused') return refusedFailure(outcome.reason);
    return { store: machineView(outcome.store), epoch: outcome.epoch };
  }

  /** Why a caller who was identified before may not do now what needs so much, by the rules as this replica has them. */
  deny(call: Call, requirement: (store: ReadStore) => Requirement): Failure | undefined {
    if (this.authenticator.state?.enabled === false) return undefined;
    const caller = this.authenticator.identifyAgain(call);
    if (caller === invalidAuthToken) return etcdErrors.invalidAuthToken;
    const store = this.replica.peek();
    if (store === undefined) return refusedFailure('stopping');
    const view = machineView(store);
    return denial(view, caller, () => requirement(view));
  }

  /** Clients that would rather fail at once than wait for a leader say so. */
  #leaderMissing(call: Call): boolean {
    return call.metadata('hasleader') === 'true' && this.replica.status().leader === undefined;
  }
}

function authoredBy(caller: Identity | undefined, call: Call, command: Uint8Array): Uint8Array {
  if (call === serverCall) return encodeOfReplica(command);
  return caller === undefined ? command : encodeAuthored(caller, command);
}

function denial(
  store: ReadStore,
  caller: Identity | undefined,
  requirement: () => Requirement,
): Failure | undefined {
  if (!isAuthEnabled(store)) return undefined;
  const code = authorize(store, caller, requirement());
  return code === undefined ? undefined : keyFailure(code);
}

/** How long the replica may take over what a call asks for, in ms. */
export function timeoutOf(call: Call): number {
  const remaining = call.remainingMs();
  return remaining === undefined ? requestTimeoutMs : Math.min(requestTimeoutMs, Math.ceil(remaining));
}
