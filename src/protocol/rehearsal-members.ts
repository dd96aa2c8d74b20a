import { emptyBytes } from '../core/bytes.ts';
import { nodeId } from '../core/ids.ts';
import { type Configuration, votersOnly } from './membership.ts';

/** Replicas 1 to `count`, all of them voters. */
export const configurationOf = (count: number): Configuration =>
  votersOnly(
    Array.from({ length: count }, (_, at) => ({
      id: nodeId(at + 1),
      name: `n${at + 1}`,
      address: `host${at + 1}:1`,
      storageId: emptyBytes,
      publicKey: emptyBytes,
    })),
  );
