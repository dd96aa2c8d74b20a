import { assertNever } from '../../core/assert.ts';
import { type NodeId, nodeId } from '../../core/ids.ts';
import type { Reconfiguration } from '../../protocol/index.ts';

/** The same change among replicas that have numbers for ids, and are addressed and named as in scenarios. */
export function renumbered(change: Reconfiguration, numberOf: (id: NodeId) => number): Reconfiguration {
  const renamed = (id: NodeId): NodeId => nodeId(numberOf(id));
  switch (change.type) {
    case 'addLearner': {
      const id = renamed(change.id);
      return { ...change, id, address: `host${id}:1` };
    }
    case 'identify': {
      const id = renamed(change.id);
      return { type: 'identify', id, name: `n${id}`, storageId: Uint8Array.of(id) };
    }
    case 'promote':
    case 'remove':
    case 'update':
      return { ...change, id: renamed(change.id) };
    case 'exchange':
      return { type: 'exchange', promote: change.promote.map(renamed), remove: change.remove.map(renamed) };
    default:
      return assertNever(change);
  }
}

/** As scenarios say it. */
export function changeText(change: Reconfiguration): string {
  switch (change.type) {
    case 'addLearner':
      return `add ${change.id}${change.promote ? ' promote' : ''}`;
    case 'identify':
      return `start ${change.id}`;
    case 'promote':
    case 'remove':
      return `${change.type} ${change.id}`;
    case 'update':
      return `update ${change.id} ${change.address}`;
    case 'exchange':
      return [
        'exchange',
        ...change.promote.map((id) => `+${id}`),
        ...change.remove.map((id) => `-${id}`),
      ].join(' ');
    default:
      return assertNever(change);
  }
}
