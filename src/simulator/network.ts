import type { Connection, ConnectionHandlers, ListenCallback, Network } from '../transport/network.ts';
import { End } from './connection.ts';
import type { Host } from './host.ts';
import type { LinkConditions, SimulatedNetworkOptions, Wire } from './link.ts';

/** An unanswered connection attempt gives up after this. */
const connectTimeoutMs = 3_000;

type Listening = { readonly host: Host; onConnection(connection: Connection): void };

/**
 * The network between simulated hosts: byte streams as TCP gives them, over links that delay, split, stall when they are
 * cut and go on when they are healed; and, below the streams, whole protocol frames that are lost, doubled and reordered.
 * An address is `host:port`; its host part is the name of a simulated host.
 */
export class SimulatedNetwork implements Wire {
  readonly options: SimulatedNetworkOptions;
  readonly #listening = new Map<string, Listening>();
  readonly #hosts = new Map<string, Host>();
  /** Several faults may have cut a link; it is whole when all of them are over. */
  readonly #cuts = new Map<string, number>();
  /** How many times longer chunks travel between two hosts, in both directions. */
  readonly #slowness = new Map<string, number>();
  #conditions: LinkConditions;
  #ends: End[] = [];

  constructor(options: SimulatedNetworkOptions) {
    this.options = options;
    this.#conditions = options.conditions;
  }

  get conditions(): LinkConditions {
    return this.#conditions;
  }

  /** Replaces the conditions of all links from now on. */
  setConditions(conditions: LinkConditions): void {
    this.#conditions = conditions;
  }

  /** The network as the process on `host` sees it. */
  attach(host: Host): Network {
    this.#hosts.set(host.name, host);
    return {
      listen: (address, onConnection, callback) => this.#listen(host, address, onConnection, callback),
      connect: (address, handlers) => this.#connect(host, address, handlers),
    };
  }

  /** Bytes from one host to another wait from now on. One direction only. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#cuts.set(link, (this.#cuts.get(link) ?? 0) + 1);
  }

  /** Undoes one `cut`: when that was the last, what waited goes on its way. */
  restore(from: string, to: string): void {
    const link = `${from}>${to}`;
    const cuts = this.#cuts.get(link) ?? 0;
    if (cuts > 1) this.#cuts.set(link, cuts - 1);
    if (cuts !== 1) return;
    this.#cuts.delete(link);
    for (const end of this.#ends) {
      if (end.host.name !== from || end.remoteHost !== to) continue;
      this.options.scheduler.schedule(this.drawDelay(from, to), () => end.wake());
    }
  }

  /** Undoes all cuts, and no link is slow any more. */
  heal(): void {
    this.#slowness.clear();
    for (const link of [...this.#cuts.keys()]) {
      const [from, to] = link.split('>') as [string, string];
      this.#cuts.set(link, 1);
      this.restore(from, to);
    }
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** Chunks between two hosts travel so many times longer. */
  slowDown(a: string, b: string, factor: number): void {
    for (const link of [`${a}>${b}`, `${b}>${a}`]) {
      if (factor === 1) this.#slowness.delete(link);
      else this.#slowness.set(link, factor);
    }
  }

  /** Breaks all connections between two hosts; both sides notice. False when there is none. */
  reset(a: string, b: string): boolean {
    const broken = this.#ends.filter(
      ({ host, remoteHost }) =>
        (host.name === a && remoteHost === b) || (host.name === b && remoteHost === a),
    );
    for (const end of broken) end.breakOff('connection reset');
    return broken.length > 0;
  }

  /**
   * The process of `host` is gone. When only the process died, its kernel tells the other sides; after a power cut
   * nobody does, and they find out when they write to a machine that knows nothing of the connection.
   */
  processGone(host: Host, powerCut: boolean): void {
    for (const [address, listening] of this.#listening) {
      if (listening.host === host) this.#listening.delete(address);
    }
    for (const end of [...this.#ends]) if (end.host === host) end.processGone(powerCut);
  }

  /** How long the next chunk from one host to another travels, in milliseconds. */
  drawDelay(from: string, to: string): number {
    const { random } = this.options;
    const { minDelayMs, maxDelayMs, slow } = this.#conditions;
    const micros = random.between(Math.round(minDelayMs * 1000), Math.round(maxDelayMs * 1000));
    const factor = this.#slowness.size === 0 ? 1 : (this.#slowness.get(`${from}>${to}`) ?? 1);
    return (factor * (random.chance(slow, 1000) ? micros * 10 : micros)) / 1000;
  }

  #listen(
    host: Host,
    address: string,
    onConnection: (connection: Connection) => void,
    callback: ListenCallback,
  ): void {
    const { scheduler } = this.options;
    if (this.#listening.has(address)) {
      const error = new Error(`${address} is in use`);
      scheduler.schedule(
        0,
        host.guard(() => callback(error, undefined)),
      );
      return;
    }
    const listening: Listening = { host, onConnection };
    this.#listening.set(address, listening);
    const close = (): void => {
      if (this.#listening.get(address) === listening) this.#listening.delete(address);
    };
    scheduler.schedule(
      0,
      host.guard(() => callback(undefined, { address, close })),
    );
  }

  #connect(host: Host, address: string, handlers: ConnectionHandlers): Connection {
    const { scheduler, trace } = this.options;
    const remoteHost = address.slice(0, address.lastIndexOf(':'));
    const near = this.#newEnd(host, remoteHost, address, handlers);
    const deadline = scheduler.now + connectTimeoutMs * 1000;
    const attempt = (): void => {
      if (near.closed) return;
      const listening = this.#listening.get(address);
      const target = this.#hosts.get(remoteHost);
      const unreachable = this.isCut(host.name, remoteHost) || this.isCut(remoteHost, host.name);
      if (unreachable || (listening === undefined && target?.state === 'down' && target.life > 0)) {
        if (scheduler.now >= deadline) near.breakOff('connect timed out');
        else scheduler.schedule(200, attempt);
        return;
      }
      if (listening === undefined) {
        near.breakOff('connection refused');
        return;
      }
      trace.event(scheduler.now, 'connect', host.name, () => address);
      const far = this.#newEnd(listening.host, host.name, `${host.name}:0`, silent);
      far.pair(near);
      scheduler.schedule(
        0,
        listening.host.guard(() => {
          if (this.#listening.get(address) !== listening) far.breakOff('listener closed');
          else {
            listening.onConnection(far);
            near.opened();
          }
        }),
      );
    };
    scheduler.schedule(this.drawDelay(host.name, remoteHost), attempt);
    return near;
  }

  #newEnd(host: Host, remoteHost: string, remote: string, handlers: ConnectionHandlers): End {
    const forget = (): void => {
      this.#ends = this.#ends.filter((other) => other !== end);
    };
    const end = new End({ wire: this, host, remoteHost, remote, handlers, forget });
    this.#ends.push(end);
    return end;
  }
}

const silent: ConnectionHandlers = { open() {}, data() {}, drain() {}, close() {} };
