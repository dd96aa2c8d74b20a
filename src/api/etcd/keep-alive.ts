import { currentRevision, machineView } from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { maxRenewalsPerStream } from '../limits.ts';
import {
  type BidiReceiver,
  type BidiStream,
  type Call,
  Failure,
  type FaultReport,
  internalError,
} from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { decodeMessage } from './method.ts';
import type { Renewals, Renewed } from './renewals.ts';
import { requireLeader } from './require-leader.ts';

export interface KeepAliveOptions {
  readonly replica: ReplicaHandle;
  readonly headers: ResponseHeaders;
  readonly renewals: Renewals;
  /** Why the caller may not keep a lease alive. */
  readonly deny: (call: Call, lease: bigint) => Failure | undefined;
  /** Told of an exception, which no client should be able to cause. */
  readonly fault: FaultReport;
}

/** One stream of keep-alives: an answer for each request, in their order. */
export class KeepAliveStream implements BidiReceiver {
  readonly #options: KeepAliveOptions;
  readonly #stream: BidiStream;
  readonly #release: () => void;
  #outstanding = 0;
  #clientEnded = false;
  #room = true;
  #paused = false;

  constructor(options: KeepAliveOptions, stream: BidiStream) {
    this.#options = options;
    this.#stream = stream;
    this.#release = requireLeader(options.replica, stream);
  }

  message(bytes: Uint8Array): void {
    const request = decodeMessage(pb.LeaseKeepAliveRequest, bytes);
    if (request instanceof Failure) return this.#stream.end(request);
    const denied = this.#options.deny(this.#stream, request.ID);
    if (denied !== undefined) return this.#stream.end(denied);
    // Taken before the renewal: the lease lived at this revision, which it may not at a later one.
    const header = this.#header();
    this.#outstanding++;
    this.#pace();
    this.#options.renewals.renew(request.ID).then(
      (renewed) => this.#answer(header, request.ID, renewed),
      (mistake: unknown) => this.#failed(mistake),
    );
  }

  ended(): void {
    this.#clientEnded = true;
    this.#endWhenAnswered();
  }

  writable(): void {
    this.#room = true;
    this.#pace();
  }

  closed(): void {
    this.#release();
  }

  #answer(header: pb.ResponseHeader, ID: bigint, renewed: Renewed): void {
    this.#outstanding--;
    if (renewed instanceof Failure) return this.#stream.end(renewed);
    const answer = pb.LeaseKeepAliveResponse.encode({ header, ID, TTL: BigInt(renewed) }).finish();
    this.#room = this.#stream.send(answer);
    this.#pace();
    this.#endWhenAnswered();
  }

  #failed(mistake: unknown): void {
    this.#options.fault(mistake, this.#stream.method);
    this.#stream.end(internalError);
  }

  /** A client that does not read, or asks faster than is answered, waits; then it may send many again. */
  #pace(): void {
    const bound = this.#paused ? maxRenewalsPerStream / 2 : maxRenewalsPerStream;
    const pause = !this.#room || this.#outstanding >= bound;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#stream.pause();
    else this.#stream.resume();
  }

  #endWhenAnswered(): void {
    if (this.#clientEnded && this.#outstanding === 0) this.#stream.end();
  }

  #header(): pb.ResponseHeader {
    const { replica, headers } = this.#options;
    const store = replica.peek();
    const revision = store === undefined ? 0n : currentRevision(machineView(store));
    return headers.header(revision, replica.status().epoch);
  }
}
