import { setTimeout as pause } from 'node:timers/promises';
import { Compare_CompareResult, Compare_CompareTarget } from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import type { History, KeyValueInput, KeyValueOutput } from '../../src/check/index.ts';
import { type Calls, ClientFailure, putRequest, rangeRequest } from '../../src/client/wire/index.ts';
import { emptyBytes, utf8, utf8Text } from '../../src/core/bytes.ts';
import type { Cluster } from './cluster.ts';
import { callTimeoutMs } from './load.ts';

const valueIsEqual = {
  rangeEnd: emptyBytes,
  result: Compare_CompareResult.EQUAL,
  target: Compare_CompareTarget.VALUE,
};

export type RegisterHistory = History<KeyValueInput, KeyValueOutput>;

/** Reads, writes and compares a few keys that others use too, and records what it was told. */
export class RegisterClient {
  readonly #id: number;
  readonly #history: RegisterHistory;
  readonly #clients: readonly Calls[];
  #at = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(id: number, cluster: Cluster, history: RegisterHistory) {
    this.#id = id;
    this.#history = history;
    this.#clients = cluster.members.map((_, at) => cluster.connect(callTimeoutMs, at + id));
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const client of this.#clients) client.close();
  }

  async #run(): Promise<void> {
    let seen: string | undefined;
    for (let turn = 0; !this.#stopped; turn++) {
      // The same few keys for all, each client in another order of operations.
      const key = `register/${turn % 3}`;
      const value = `${this.#id}.${turn}`;
      const input = this.#input((turn + this.#id) % 4, key, value, seen);
      const call = this.#history.call(this.#id, input);
      try {
        const output = await this.#ask(input);
        this.#history.done(call, output);
        if (input.type === 'get' && output.type === 'observed') seen = output.value;
      } catch (error) {
        if (!(error instanceof ClientFailure)) throw error;
        if (error.type !== 'unknown') this.#history.refused(call);
        this.#at++;
      }
      await pause(10);
    }
  }

  #input(kind: number, key: string, value: string, seen: string | undefined): KeyValueInput {
    if (kind === 0) return { type: 'put', key, value };
    if (kind === 1 && seen !== undefined) return { type: 'compareAndSet', key, expected: seen, value };
    return { type: 'get', key };
  }

  async #ask(input: KeyValueInput): Promise<KeyValueOutput> {
    const client = this.#clients[this.#at % this.#clients.length] as Calls;
    const key = utf8(input.key);
    switch (input.type) {
      case 'get': {
        const { kvs } = await client.range(rangeRequest({ key }));
        return { type: 'observed', value: kvs[0] && utf8Text(kvs[0].value) };
      }
      case 'put':
        await client.put(putRequest({ key, value: utf8(input.value) }));
        return { type: 'written' };
      case 'compareAndSet': {
        const put = putRequest({ key, value: utf8(input.value) });
        const answer = await client.txn({
          compare: [{ ...valueIsEqual, key, targetUnion: { $case: 'value', value: utf8(input.expected) } }],
          success: [{ request: { $case: 'requestPut', value: put } }],
          failure: [{ request: { $case: 'requestRange', value: rangeRequest({ key }) } }],
        });
        if (answer.succeeded) return { type: 'swapped', swapped: true, value: input.expected };
        const [first] = answer.responses;
        const kvs = first?.response?.$case === 'responseRange' ? first.response.value.kvs : [];
        return { type: 'swapped', swapped: false, value: kvs[0] && utf8Text(kvs[0].value) };
      }
      case 'delete':
        throw new Error('no client deletes');
    }
  }
}
