import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { table } from '../src/cli/output.ts';
import { utf8 } from '../src/core/bytes.ts';
import { clusterTime, epoch, index, nodeId } from '../src/core/ids.ts';
import { applySliceEntries, maxPendingStoreBytes } from '../src/core/limits.ts';
import {
  encodeCommand,
  encodeEnvelope,
  type KeyCommand,
  type KeyRange,
  keySpace,
  machineView,
  putOf,
  Replicated,
  range,
  rangeOf,
} from '../src/machine/index.ts';
import { type Base, type CommittedEntry, votersOnly } from '../src/protocol/index.ts';
import { Applier } from '../src/replica/applier.ts';
import { nodeClock } from '../src/replica/node-clock.ts';
import type { StoreBackend } from '../src/storage/backend.ts';
import type { Callback } from '../src/storage/disk.ts';
import { LmdbBackend } from '../src/storage/lmdb-backend.ts';
import { MemoryBackend } from '../src/storage/memory-backend.ts';
import { NodeDisk } from '../src/storage/node-disk.ts';

const valueBytes = 256;
const keyCount = 10_000;
const leaseCount = 100;
const warmUp = 20_000;
/** Commands that a session has outstanding: as many as in the largest step of `load`. */
const outstanding = 1_000;
const session = { opener: nodeId(1), incarnation: 1 };
const member = {
  id: nodeId(1),
  name: 'n1',
  address: 'h:1',
  storageId: new Uint8Array(0),
  publicKey: new Uint8Array(0),
};
const initial: Base = {
  position: { index: index(0), epoch: epoch(1), time: clusterTime(0) },
  configuration: votersOnly([member]),
};

/** Not in the order of the keys, as clients are not. */
const keyOf = (at: number): Uint8Array => utf8(`key-${String((at * 7919) % keyCount).padStart(5, '0')}`);
const leaseOf = (at: number): bigint => 1n + BigInt(at % leaseCount);
const single = (key: Uint8Array): KeyRange => ({ from: key, to: Uint8Array.of(...key, 0) });
const value = new Uint8Array(valueBytes).fill(0x76);

/** Each in turn on one back end; what came before is the state that it finds. */
const kinds: Readonly<Record<string, (at: number) => KeyCommand>> = {
  put: (at) => putOf(keyOf(at), value),
  // As a lock is taken, or a value set if nobody has meanwhile.
  txn: (at) => ({
    type: 'txn',
    compare: [{ range: single(keyOf(at)), relation: 'greater', target: 'mod', operand: 0n }],
    success: [putOf(keyOf(at), value)],
    failure: [rangeOf(single(keyOf(at)))],
  }),
  'put with a lease': (at) => putOf(keyOf(at), value, { lease: leaseOf(at) }),
  'put and delete': (at) =>
    at % 2 === 0
      ? putOf(keyOf(at >> 1), value)
      : { type: 'delete', range: single(keyOf(at >> 1)), previous: false },
  renew: (at) => ({ type: 'renew', leases: [leaseOf(at)] }),
};

interface BackEnd {
  open(root: string, callback: Callback<StoreBackend>): void;
  /** Whether what was applied has to be on disk in the end: memory writes all of its state for that. */
  readonly flushes: boolean;
}

const backEnds: Readonly<Record<string, BackEnd>> = {
  memory: {
    open: (root, callback) =>
      MemoryBackend.open({ disk: new NodeDisk(root), directory: 'state', initial }, callback),
    flushes: false,
  },
  lmdb: {
    open: (root, callback) =>
      LmdbBackend.open({ disk: new NodeDisk(root), root, directory: 'state', initial }, callback),
    flushes: true,
  },
};

/**
 * What it costs one replica to execute committed commands: in CPU time of the whole process, garbage collection and the
 * threads that write the state included, since that is what is scarce where replicas share processors.
 */
export async function measureApply(commands: number): Promise<string> {
  const rows: string[][] = [];
  for (const [name, { open, flushes }] of Object.entries(backEnds)) {
    const root = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
    try {
      const backend = await outcome<StoreBackend>((callback) => open(root, callback));
      const replica = new Replica(backend, flushes);
      for (const [kind, command] of Object.entries(kinds)) {
        await replica.execute(warmUp, command);
        rows.push(row(name, kind, commands, await replica.execute(commands, command)));
      }
      replica.read(warmUp);
      rows.push(row(name, 'get', commands, replica.read(commands)));
      await outcome<void>((callback) => backend.close(callback));
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
  return table(['STORE', 'COMMAND', 'PER CPU S', 'US EACH'], rows);
}

function row(store: string, kind: string, commands: number, cpuSeconds: number): string[] {
  const each = (1e6 * cpuSeconds) / commands;
  return [store, kind, Math.round(commands / cpuSeconds).toString(), each.toFixed(1)];
}

/** A replica's store and what executes commands on it; the order that a protocol gives them is that of this loop. */
class Replica {
  readonly #backend: StoreBackend;
  readonly #applier: Applier;
  readonly #flushes: boolean;
  #last = 0;
  #sequence = 0;

  constructor(backend: StoreBackend, flushes: boolean) {
    this.#backend = backend;
    this.#flushes = flushes;
    this.#applier = new Applier(backend, new Replicated(keySpace), nodeClock, applySliceEntries);
    this.#apply([encodeEnvelope({ type: 'openSession', session })]);
    for (let at = 0; at < leaseCount; at++)
      this.#apply([this.#next({ type: 'grant', lease: leaseOf(at), ttl: 3600 })]);
  }

  /** Seconds of CPU time. */
  async execute(count: number, command: (at: number) => KeyCommand): Promise<number> {
    let seconds = 0;
    for (let at = 0; at < count; at += applySliceEntries) {
      const size = Math.min(applySliceEntries, count - at);
      const payloads = Array.from({ length: size }, (_, offset) => this.#next(command(at + offset)));
      const before = process.cpuUsage();
      this.#apply(payloads);
      // Where the store goes to disk in the background, it gets to do so, and is waited for as by a replica.
      await turn();
      if (this.#backend.pendingBytes() > maxPendingStoreBytes) await this.#flush();
      seconds += cpuSecondsSince(before);
    }
    const before = process.cpuUsage();
    await this.#flush();
    return seconds + cpuSecondsSince(before);
  }

  /** Reads of one key as they are served: by the state, without a place in the order. Seconds of CPU time. */
  read(count: number): number {
    const before = process.cpuUsage();
    for (let at = 0; at < count; at++) range(machineView(this.#backend.store), rangeOf(single(keyOf(at))));
    return cpuSecondsSince(before);
  }

  async #flush(): Promise<void> {
    if (this.#flushes) await outcome<Base>((callback) => this.#backend.flush(callback));
  }

  #next(command: KeyCommand): Uint8Array {
    const sequence = ++this.#sequence;
    const acknowledgedBelow = Math.max(1, sequence - outstanding);
    return encodeEnvelope({
      type: 'command',
      session,
      sequence,
      acknowledgedBelow,
      command: encodeCommand(command),
    });
  }

  #apply(payloads: readonly Uint8Array[]): void {
    this.#applier.enqueue(
      payloads.map((payload): CommittedEntry => {
        const at = ++this.#last;
        return { index: index(at), epoch: epoch(1), time: clusterTime(at), kind: 'command', payload };
      }),
    );
    while (this.#applier.backlog > 0) this.#applier.slice(() => undefined);
  }
}

function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const outcome = <T>(start: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    const callback = (error: Error | undefined, result?: T): void =>
      error === undefined ? resolve(result as T) : reject(error);
    start(callback as Callback<T>);
  });
