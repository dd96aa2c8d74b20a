import type { Clock } from '../core/clock.ts';
import { Malformed } from '../core/codec.ts';
import { millis, type NodeId } from '../core/ids.ts';
import { decodeConfiguration } from '../protocol/index.ts';
import { type Dial, dial } from '../transport/dial.ts';
import { strangerId, wireVersions } from '../transport/handshake.ts';
import type { ClusterMember } from './identity.ts';
import type { InitialMember } from './manifest.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { ReplicaError } from './replica-error.ts';

/** Who an empty directory is in a cluster that exists. */
export interface Place {
  readonly clusterId: bigint;
  readonly memberId: NodeId;
  readonly initialMembers: readonly InitialMember[];
}

type Callback = (
  ...outcome: [error: ReplicaError, place: undefined] | [error: undefined, place: Place]
) => void;

const retryMs = 500;
/** How often the same is told again. */
const repeatMs = 10_000;

/**
 * Asks the members of an existing cluster, until one of them answers, who the directory `storageId` is at the address that
 * `options.cluster` names for it: it may have to be added first. Nothing is promised to anybody before that.
 */
export function findPlace(options: ReplicaCoreOptions, storageId: Uint8Array, callback: Callback): void {
  const self = options.cluster.find(({ name }) => name === options.name);
  const others = options.cluster.filter(({ name }) => name !== options.name);
  if (self === undefined || others.length === 0) {
    const message =
      `To join a cluster that exists, --cluster lists its members and this replica, ${options.name}, at the address that it ` +
      'was added with.';
    return callback(new ReplicaError('CONFIGURATION', message), undefined);
  }
  new Search(options, self, others, storageId, callback).round();
}

class Search {
  readonly #options: ReplicaCoreOptions;
  readonly #self: ClusterMember;
  readonly #others: readonly ClusterMember[];
  readonly #storageId: Uint8Array;
  readonly #callback: Callback;
  readonly #dials = new Map<string, Dial>();
  readonly #answers = new Map<string, string>();
  #told: { readonly text: string; readonly at: number } | undefined;
  #done = false;

  constructor(
    options: ReplicaCoreOptions,
    self: ClusterMember,
    others: readonly ClusterMember[],
    storageId: Uint8Array,
    callback: Callback,
  ) {
    this.#options = options;
    this.#self = self;
    this.#others = others;
    this.#storageId = storageId;
    this.#callback = callback;
  }

  round(): void {
    if (this.#done) return;
    const { clock } = this.#options;
    if (this.#options.cancelled?.() === true) {
      const message = `${this.#options.name} was stopped before it was added to the cluster. Nothing was changed.`;
      return this.#finish(new ReplicaError('CANCELLED', message));
    }
    for (const other of this.#others) if (!this.#dials.has(other.name)) this.#ask(other, clock);
    clock.setTimer(millis(clock.now() + retryMs), () => {
      this.#tell();
      this.round();
    });
  }

  #ask(other: ClusterMember, clock: Clock): void {
    const { network, definition, clientAddresses, name } = this.#options;
    const asked = dial({
      network,
      clock,
      address: other.address,
      hello: {
        clusterId: 0n,
        id: strangerId,
        name,
        storageId: this.#storageId,
        incarnation: 0,
        phase: 'empty',
        baseDigest: new Uint8Array(0),
        knowsYou: false,
        peerAddress: this.#self.address,
        clientAddresses,
        protocol: definition.name,
        protocolVersion: definition.formatVersion,
        versions: wireVersions,
        to: strangerId,
        purpose: 'join',
      },
      judge: () => ({ type: 'accept' }),
      callback: (outcome) => {
        this.#dials.delete(other.name);
        if (outcome.type === 'up') outcome.connection.end();
        if (this.#done) return;
        if (outcome.type === 'failed') this.#answers.set(other.name, outcome.reason);
        else if (outcome.type === 'rejected') this.#rejected(other, outcome.reject.code, outcome.reject.text);
        else this.#welcomed(outcome.welcome.clusterId, outcome.welcome.to, outcome.welcome.initialMembers);
      },
    });
    this.#dials.set(other.name, asked);
  }

  #rejected(other: ClusterMember, code: string, text: string): void {
    if (code === 'storageChanged') this.#finish(new ReplicaError('REPLACED', text));
    else this.#answers.set(other.name, text);
  }

  #welcomed(clusterId: bigint, memberId: NodeId, bytes: Uint8Array): void {
    const initial = decodeConfiguration(bytes);
    if (initial instanceof Malformed) return;
    const initialMembers = initial.members.map(({ id, name, address }) => ({ id, name, address }));
    this.#finish(undefined, { clusterId, memberId, initialMembers });
  }

  #tell(): void {
    if (this.#done) return;
    const text = [...new Set(this.#answers.values())].sort().join('; ');
    const now = this.#options.clock.now();
    if (this.#told?.text === text && now - this.#told.at < repeatMs) return;
    this.#told = { text, at: now };
    this.#options.observer.log('info', 'waiting to be added to the cluster', { answers: text });
  }

  #finish(error: ReplicaError): void;
  #finish(error: undefined, place: Place): void;
  #finish(error: ReplicaError | undefined, place?: Place): void {
    if (this.#done) return;
    this.#done = true;
    for (const asked of this.#dials.values()) asked.cancel();
    if (error !== undefined) this.#callback(error, undefined);
    else if (place !== undefined) this.#callback(undefined, place);
  }
}
