import { expect, test } from 'vitest';
import { MapStore } from '../../test/support/map-store.ts';
import { utf8, utf8Text } from '../core/bytes.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import {
  type Applied,
  type Envelope,
  encodeEnvelope,
  type Machine,
  machineView,
  Replicated,
} from './index.ts';

const counter: Machine = {
  name: 'counter',
  featureLevel: 1,
  apply(command, _context, store) {
    const key = utf8('count');
    const before = Number(utf8Text(store.get(key) ?? utf8('0')));
    const after = utf8(String(before + command.length));
    store.put(key, after);
    return after;
  },
};

test('a machine of ten lines is replicated like any other', () => {
  const store = new MapStore();
  const replicated = new Replicated(counter);
  const session = { opener: nodeId(1), incarnation: 1 };
  const entries: Envelope[] = [
    { type: 'openSession', session },
    { type: 'command', session, sequence: 1, acknowledgedBelow: 1, command: utf8('+') },
    { type: 'command', session, sequence: 2, acknowledgedBelow: 1, command: utf8('++') },
    { type: 'command', session, sequence: 1, acknowledgedBelow: 1, command: utf8('+') },
  ];
  const applied = entries.map((envelope, at): Applied => {
    const context = { index: index(at + 1), epoch: epoch(1), time: clusterTime(0), removed: [] };
    return replicated.apply(encodeEnvelope(envelope), context, store);
  });
  expect(applied.slice(1)).toEqual([
    { type: 'command', session, sequence: 1, outcome: 'done', result: utf8('1') },
    { type: 'command', session, sequence: 2, outcome: 'done', result: utf8('3') },
    { type: 'command', session, sequence: 1, outcome: 'duplicate', result: utf8('1') },
  ]);
  expect(machineView(store).get(utf8('count'))).toEqual(utf8('3'));
});
