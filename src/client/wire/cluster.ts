import { setTimeout as pause } from 'node:timers/promises';
import { type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { abandonable } from '../abandonable.ts';
import { Connection, type Hindrance, misunderstood } from './connection.ts';
import { ClientFailure } from './failure.ts';
import { type Credentials, Identity } from './identity.ts';
import type { Method } from './methods.ts';
import { type CallKind, judge } from './outcome.ts';
import type { ServerAddress } from './server-address.ts';

export interface CallLimits {
  /** In milliseconds of `Date.now()`, for the whole call, over all the servers that it tries. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
  /** Try again until the deadline also when no server can be reached. */
  readonly patient?: boolean;
}

/** A call over all its tries. */
interface Attempted<Request, Response> {
  readonly method: Method<Request, Response>;
  readonly kind: CallKind;
  readonly request: Uint8Array;
  /** A try ended without a certain answer. */
  maybeDone: boolean;
}

export interface Reached {
  readonly connection: Connection;
  readonly metadata: Metadata;
}

/** A server that has not answered a call for so long, in ms, is suspected of having gone silent. */
const silenceMs = 1_000;

/** How long to wait before all servers are asked again, when each of them said "not now". */
const roundPauseMs = 100;
/** With less than this left nothing is tried again: no answer in time would make an unknown outcome of a refusal. */
const shortestTryMs = 500;

/**
 * The servers of a cluster. A call goes to the one that answered last, and on to the next one when a server cannot be
 * reached or certainly did nothing. All calls reject with `ClientFailure`.
 */
export class Cluster {
  readonly #connections: readonly Connection[];
  readonly #identity: Identity;
  readonly #suspicions = new Set<(connection: Connection, since: number) => void>();
  #preferred = 0;
  #closed = false;

  constructor(servers: readonly ServerAddress[], credentials?: Credentials) {
    this.#connections = servers.map((server) => new Connection(server));
    this.#identity = new Identity(credentials);
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    kind: CallKind,
    message: Request,
    limits: CallLimits,
  ): Promise<Response> {
    const call = { method, kind, request: method.request.encode(message).finish(), maybeDone: false };
    try {
      for (;;) {
        const failure = await this.#round(call, limits);
        if (!(failure instanceof ClientFailure)) return failure.response;
        const final = failure.type === 'unreachable' && limits.patient !== true;
        if (final || Date.now() + roundPauseMs + shortestTryMs >= limits.deadline) throw failure;
        await pause(roundPauseMs);
      }
    } catch (error) {
      const known = error instanceof ClientFailure && error.type !== 'unknown';
      throw call.maybeDone && known ? error.asUnknown() : error;
    }
  }

  /** Where to open a stream, to the server that answered last if it can be had. */
  async reach(limits: CallLimits): Promise<Reached> {
    const connection = await this.#reachable(limits);
    const pass = await this.#identity.pass(connection, limits);
    if (pass.type === 'metadata') return { connection, metadata: pass.metadata };
    const { type } = judge(pass.error, 'read');
    throw new ClientFailure(type, connection.endpoint, readableDetails(pass.error), {
      status: pass.error.code,
    });
  }

  async #reachable(limits: CallLimits): Promise<Connection> {
    for (;;) {
      const hindrances = new Map<string, Hindrance>();
      const ring = this.#ring();
      for (const [tried, connection] of ring.entries()) {
        const why = await this.#obstructed(connection, share(limits.deadline, ring.length - tried), limits);
        if (why === undefined) {
          this.#prefer(connection);
          return connection;
        }
        hindrances.set(connection.endpoint, why);
      }
      const failure = this.#unreachable(hindrances);
      if (limits.patient !== true || Date.now() + roundPauseMs >= limits.deadline) throw failure;
      await pause(roundPauseMs);
    }
  }

  /** What `reach` gave to send along was not taken: the next one gets another token. False when there is nobody to be. */
  renewIdentity(sent: Metadata): boolean {
    return this.#identity.renew(sent);
  }

  /** Others are tried first from now on. */
  passOver(connection: Connection): void {
    const at = this.#connections.indexOf(connection);
    if (at === this.#preferred) this.#preferred = (at + 1) % this.#connections.length;
  }

  /**
   * `connection` took a call at `since`, of `performance.now()`, and leaves it unanswered. If that is long ago, streams had
   * better move away from it, too, unless they have heard from it meanwhile.
   */
  suspect(connection: Connection, since: number): void {
    this.passOver(connection);
    if (performance.now() - since < silenceMs) return;
    for (const listener of this.#suspicions) listener(connection, since);
  }

  onSuspicion(listener: (connection: Connection, since: number) => void): void {
    this.#suspicions.add(listener);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }

  /** Asks one server after the other; a failure that is returned, and not thrown, may be tried again. */
  async #round<Request, Response>(
    call: Attempted<Request, Response>,
    limits: CallLimits,
  ): Promise<{ readonly response: Response } | ClientFailure> {
    const { method, kind, request } = call;
    const hindrances = new Map<string, Hindrance>();
    let refusal: ClientFailure | undefined;
    const ring = this.#ring();
    for (const [tried, connection] of ring.entries()) {
      const until = share(limits.deadline, ring.length - tried);
      const why = await this.#obstructed(connection, until, limits);
      if (why !== undefined) {
        hindrances.set(connection.endpoint, why);
        continue;
      }
      const deadline = kind === 'write' ? limits.deadline : until;
      const since = performance.now();
      const answer = await this.#identity.call(connection, method.path, request, { ...limits, deadline });
      if (answer.type === 'bytes') {
        this.#prefer(connection);
        return { response: readAnswer(method, kind, answer.bytes, connection.endpoint) };
      }
      if (answer.error.code === status.DEADLINE_EXCEEDED) this.suspect(connection, since);
      if (await connection.wasMisunderstood(answer.error)) {
        hindrances.set(connection.endpoint, misunderstood);
        continue;
      }
      const verdict = judge(answer.error, kind);
      call.maybeDone ||= verdict.type === 'unknown';
      refusal = new ClientFailure(verdict.type, connection.endpoint, readableDetails(answer.error), {
        status: answer.error.code,
      });
      if (!verdict.elsewhere || limits.signal?.aborted === true) throw refusal;
    }
    return refusal ?? this.#unreachable(hindrances);
  }

  /** Waits for a connection; nothing of a call is sent before it stands. */
  async #obstructed(
    connection: Connection,
    until: number,
    { signal }: CallLimits,
  ): Promise<Hindrance | undefined> {
    const givenUp = (): ClientFailure =>
      new ClientFailure('refused', connection.endpoint, 'given up before anything was sent', {
        status: status.CANCELLED,
      });
    if (this.#closed) throw new ClientFailure('refused', connection.endpoint, 'the client is closed');
    return abandonable(connection.unreachable(until), signal, givenUp);
  }

  #prefer(connection: Connection): void {
    this.#preferred = this.#connections.indexOf(connection);
  }

  #ring(): readonly Connection[] {
    return [...this.#connections.slice(this.#preferred), ...this.#connections.slice(0, this.#preferred)];
  }

  #unreachable(hindrances: ReadonlyMap<string, Hindrance>): ClientFailure {
    const endpoints = this.#connections.map((connection) => connection.endpoint).join(', ');
    const reasons = [...hindrances].map(([endpoint, { detail }]) => `${endpoint}: ${detail}`);
    const obstacles = [...hindrances.values()].flatMap(({ obstacle }) => obstacle ?? []);
    return new ClientFailure('unreachable', endpoints, reasons.join('; '), { obstacles });
  }
}

/** A fair part of the time that is left, so that one silent server does not use it all. */
const share = (deadline: number, serversLeft: number): number =>
  Date.now() + (deadline - Date.now()) / serversLeft;

/** Of a deadline that passed on our side the library tells its own inner workings. */
function readableDetails({ code, details }: ServiceError): string {
  if (code === status.DEADLINE_EXCEEDED) return 'no answer in time';
  return details === '' ? `gRPC code ${code}` : details;
}

function readAnswer<Request, Response>(
  method: Method<Request, Response>,
  kind: CallKind,
  bytes: Uint8Array,
  endpoint: string,
): Response {
  try {
    return method.response.decode(bytes);
  } catch (error) {
    const type = kind === 'read' ? 'refused' : 'unknown';
    throw new ClientFailure(type, endpoint, `the answer cannot be read: ${(error as Error).message}`);
  }
}
