import { mkdirSync } from 'node:fs';
import { utf8 } from '../../src/core/bytes.ts';
import { millis } from '../../src/core/ids.ts';
import { Random } from '../../src/core/random.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyCommand,
  keySpace,
  type PutRequest,
  putOf,
} from '../../src/machine/key-space/index.ts';
import { findProtocol } from '../../src/protocols/registry.ts';
import { nodeClock } from '../../src/replica/node-clock.ts';
import { openReplica } from '../../src/replica/open.ts';
import { defaultTiming } from '../../src/replica/replica.ts';
import type { ReplicaCore } from '../../src/replica/replica-core.ts';
import type { Outcome } from '../../src/replica/types.ts';
import { LmdbBackend } from '../../src/storage/lmdb-backend.ts';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { TcpNetwork } from '../../src/transport/tcp.ts';

/** Opens a golden data directory, or begins one, as a cluster of one with small journal files. */
export function openGolden(root: string): Promise<ReplicaCore> {
  mkdirSync(root, { recursive: true });
  const disk = new NodeDisk(root);
  const definition = findProtocol('raft');
  if (definition === undefined) throw new Error('there is no raft');
  return new Promise((resolve, reject) => {
    openReplica(
      {
        disk,
        network: new TcpNetwork(),
        clock: nodeClock,
        random: Random.fromSeed(`golden ${millis(nodeClock.now())}`),
        definition,
        machine: keySpace,
        openBackend: (initial, callback) =>
          LmdbBackend.open({ disk, root, directory: 'state', initial }, callback),
        name: 'n1',
        cluster: [{ name: 'n1', address: '127.0.0.1:2380' }],
        clusterToken: 'golden',
        peerAddress: '127.0.0.1:0',
        clientAddresses: [],
        version: 'golden',
        timing: defaultTiming,
        observer: { log: () => {} },
        segmentBytes: 64 * 1024,
        halted: reject,
      },
      (error, core) => {
        if (error !== undefined) return reject(error);
        core.awaitLeader(30_000, (led) => (led ? resolve(core) : reject(new Error('no leader'))));
      },
    );
  });
}

const put = (key: string, value: string): PutRequest => putOf(utf8(key), utf8(value));

const alarm = { type: 'alarm', member: 1n, alarm: 'noSpace' } as const;

/**
 * What a golden directory was made with: a version each, of a put, a change, a delete and a transaction; a lease with a
 * key; a compaction; an alarm.
 */
export const goldenCommands: readonly KeyCommand[] = [
  { ...alarm, action: 'deactivate' },
  put('greeting', 'hello'),
  put('greeting', 'hello again'),
  put('gone', 'soon'),
  { type: 'delete', range: { from: utf8('gone'), to: utf8('gone\0') }, previous: false },
  {
    type: 'txn',
    compare: [],
    success: [put('a', '1'), put('b', '2')],
    failure: [],
  },
  { type: 'grant', lease: 7n, ttl: 1_000_000_000 },
  putOf(utf8('leased'), utf8('3'), { lease: 7n }),
  { type: 'compact', revision: 4n },
  { ...alarm, action: 'activate' },
];

export async function execute(core: ReplicaCore, command: KeyCommand): Promise<bigint> {
  const outcome = await new Promise<Outcome>((resolve) =>
    core.propose(encodeCommand(command), 30_000, resolve),
  );
  if (outcome.type !== 'done') throw new Error(`${outcome.type}: ${outcome.reason}`);
  const answer = decodeAnswer(outcome.result);
  if (!('revision' in answer)) throw new Error(answer.message);
  return answer.revision;
}

export const stop = (core: ReplicaCore): Promise<void> => new Promise((resolve) => core.stop(resolve));
