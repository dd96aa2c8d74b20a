import { emptyBytes } from '../core/bytes.ts';
import { defaultTimeoutMs } from '../core/limits.ts';
import type { Configuration } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import { Peers, type PeersHandlers } from '../transport/peers.ts';
import { Bootstrap, baseDigestOf } from './bootstrap.ts';
import type { Driver } from './driver.ts';
import type { Leadership } from './driver-options.ts';
import type { Manifest } from './manifest.ts';
import { connectedFacts, Membership } from './membership.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { Peering } from './peering.ts';
import { ReplicaError, removedText, rolledBackText } from './replica-error.ts';
import { ReplicaLog } from './replica-log.ts';

interface NeighboursOptions {
  readonly core: ReplicaCoreOptions;
  readonly manifest: Manifest;
  readonly backend: StoreBackend;
  readonly incarnation: number;
  /** Made after this. */
  readonly driver: () => Driver;
  /** Whether frames, and the breaking of links, still mean something. */
  readonly listening: () => boolean;
  readonly halted: () => boolean;
  /** Whether this replica ends, for whatever reason. */
  readonly ending: () => boolean;
  readonly bulk: PeersHandlers['bulk'];
  readonly halt: (error: unknown) => void;
}

/**
 * The other replicas, as far as the driver does not deal with them itself: who they are, whom this replica keeps links to,
 * whether it may take part among them, and what of all that is logged.
 */
export class Neighbours {
  readonly log: ReplicaLog;
  readonly peers: Peers;
  readonly #options: NeighboursOptions;
  readonly #peering: Peering;
  readonly #membership: Membership;
  readonly #baseDigest: Uint8Array;
  #bootstrap: Bootstrap | undefined;
  #started = false;
  #retiring = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    const { core, manifest, backend, driver, halt } = options;
    const { clock } = core;
    const { configuration } = backend.base();
    this.#baseDigest = manifest.phase === 'empty' ? baseDigestOf(backend) : emptyBytes;
    this.log = new ReplicaLog(
      core.observer,
      (id) => driver().configuration.members.find((member) => member.id === id)?.name,
    );
    this.#peering = new Peering(manifest, configuration, {
      disk: core.disk,
      facts: {
        incarnation: options.incarnation,
        peerAddress: core.peerAddress,
        clientAddresses: core.clientAddresses,
        protocolVersion: core.definition.formatVersion,
      },
      baseDigest: this.#baseDigest,
      guest: (facts) => clock.defer(() => this.#membership.guest(facts)),
      failed: halt,
    });
    this.#membership = new Membership(configuration, {
      self: manifest.memberId,
      name: manifest.name,
      clock,
      setPeers: (peers) => this.peers.setMembers(peers),
      connected: () => connectedFacts(this.peers),
      identify: ({ id }, { name, storageId }, settle) =>
        driver().reconfigure({ type: 'identify', id, name, storageId }, defaultTimeoutMs, settle),
      turnedAway: (name) => this.log.turnedAway(name),
      // In the midst of a turn, which goes no further; what it holds is let go of after it.
      ended: (error) => {
        driver().stop();
        clock.defer(() => halt(error));
      },
    });
    this.peers = this.#makePeers();
  }

  /** Listens, then calls `admitted` as soon as this data directory may take part, if ever. */
  open(opened: (error: ReplicaError | undefined) => void, admitted: () => void): void {
    this.peers.listen(this.#options.core.peerAddress, (error) => {
      if (error !== undefined) return opened(new ReplicaError('ADDRESS', error.message, { cause: error }));
      opened(undefined);
      if (this.#options.ending()) return;
      const { phase, memberId, initialMembers } = this.#options.manifest;
      const isInitial = initialMembers.some(({ id }) => id === memberId);
      if (phase === 'member') admitted();
      else if (isInitial) this.#seekAdmission(admitted);
      else this.#peering.admit(new Map(), admitted);
    });
  }

  /** This replica takes part from now on. */
  start(): void {
    this.#started = true;
    this.#membership.start();
    this.#membership.applied(this.#options.backend.base().configuration);
  }

  changed(configuration: Configuration): void {
    this.#peering.configuration = configuration;
    if (this.#started) this.#membership.changed(configuration);
  }

  decided(configuration: Configuration): void {
    this.#peering.decided = configuration;
    this.#membership.applied(configuration);
  }

  led(leadership: Leadership): void {
    this.log.leadership(leadership);
    this.#membership.led(leadership);
  }

  /** Calls back when nothing is being written down about them any more. */
  settle(callback: () => void): void {
    this.#peering.close(callback);
  }

  /** Whatever waits for them, or for time to pass, waits no more. The links go on until `peers` is closed. */
  stop(): void {
    this.#bootstrap?.stop();
    this.#membership.close();
  }

  /** Ends because this directory is an older copy of itself, and remembers it: another start would not be noticed. */
  #retire(reason: string): void {
    if (this.#retiring) return;
    this.#retiring = true;
    const { driver, halt } = this.#options;
    driver().stop();
    this.#peering.retire(() => halt(new ReplicaError('ROLLED_BACK', rolledBackText(reason))));
  }

  #makePeers(): Peers {
    const { core, manifest, driver, listening, halted, bulk, halt } = this.#options;
    const self = manifest.memberId;
    return new Peers({
      self,
      network: core.network,
      clock: core.clock,
      random: core.random.stream(`peers/${self}`),
      handlers: {
        facts: (to, purpose) => this.#peering.facts(to, purpose),
        judge: (other, _direction, purpose) => this.#peering.judge(other, purpose),
        join: (hello) => this.#peering.place(hello),
        frame: (from, _session, kind, payload) => {
          if (listening()) driver().frame(from, kind, payload);
        },
        up: (peer, session) => {
          this.log.linkUp(peer);
          driver().link(peer, session, true);
          this.#membership.review();
        },
        down: (peer, session, reason) => {
          this.log.linkDown(peer, reason);
          if (!halted()) driver().link(peer, session, false);
        },
        writable: (peer) => driver().input({ type: 'credit', peer, bytes: this.peers.credit(peer) }),
        bulk,
        problem: (problem) => {
          const code = problem.type === 'rejected' && problem.by === 'them' ? problem.code : undefined;
          if (problem.type === 'rejected' && code === 'rolledBack') return this.#retire(problem.text);
          if (code === 'removed') return halt(new ReplicaError('REMOVED', removedText(manifest.name)));
          this.log.problem(problem);
        },
      },
    });
  }

  #seekAdmission(admitted: () => void): void {
    const { core, manifest, ending, halt } = this.#options;
    this.#bootstrap = new Bootstrap({
      manifest,
      baseDigest: this.#baseDigest,
      clock: core.clock,
      probe: (member, callback) => this.peers.probe(member.address, member.id, callback),
      onWaiting: (names) => this.log.waiting(names),
      onOutcome: (outcome) => {
        if (ending()) return;
        if (outcome.type === 'refused') return halt(new ReplicaError(outcome.code, outcome.reason));
        this.#peering.admit(outcome.roster, admitted);
      },
    });
    this.#bootstrap.start();
  }
}
