import type { Message, ProtocolDefinition } from '../protocol/index.ts';
import { raft } from './raft/index.ts';

/** Every protocol by its name. */
export const protocols: ReadonlyMap<string, ProtocolDefinition> = new Map(
  [erase(raft)].map((definition) => [definition.name, definition]),
);

/** Undefined when there is no such protocol; `protocols.keys()` are the names. */
export const findProtocol = (name: string): ProtocolDefinition | undefined => protocols.get(name);

/**
 * A protocol as its hosts see it: a host handles the messages of one protocol only, those that its own decoder made, so
 * which union they belong to need not be known outside.
 */
export function erase<M extends Message>(definition: ProtocolDefinition<M>): ProtocolDefinition {
  return definition as unknown as ProtocolDefinition;
}
