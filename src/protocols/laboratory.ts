import type {
  ClusterInvariants,
  ExplorationModel,
  Message,
  Protocol,
  ProtocolDefinition,
  ProtocolOptions,
} from '../protocol/index.ts';
import { withoutHints } from './raft/altered.ts';
import { RaftInvariants } from './raft/cluster-invariants.ts';
import { raft } from './raft/index.ts';
import type { RaftMessage } from './raft/messages.ts';
import { raftModel } from './raft/model.ts';
import { createMutant, mutants } from './raft/mutants.ts';
import { erase } from './registry.ts';

/** What is needed to put a protocol to the test, beside its definition in the registry. */
export interface Laboratory {
  /** What holds between its replicas. */
  createInvariants(): ClusterInvariants;
  readonly mutants: readonly ProtocolMutant[];
  /** For the explorer. */
  readonly model: ExplorationModel;
  /** Makes of a replica one that does not help a leader to find where their logs part. */
  withoutHints(protocol: Protocol): Protocol;
}

/** A protocol with a known mistake in it. */
export interface ProtocolMutant {
  readonly name: string;
  /** Label in docs/protocols/README.md. */
  readonly trap: string;
  readonly mistake: string;
  readonly definition: ProtocolDefinition;
  readonly model: ExplorationModel;
}

/** By the name of the protocol. Only tests and simulators need it; servers load the registry alone. */
export const laboratory: ReadonlyMap<string, Laboratory> = new Map([
  [
    raft.name,
    {
      createInvariants: () => new RaftInvariants(),
      mutants: mutants.map((mutant) => ({
        name: mutant.name,
        trap: mutant.trap,
        mistake: mutant.mistake,
        definition: erase({ ...raft, create: (options: ProtocolOptions) => createMutant(mutant, options) }),
        model: eraseModel(raftModel(mutant)),
      })),
      model: eraseModel(raftModel()),
      withoutHints: (protocol) =>
        withoutHints(protocol as unknown as Protocol<RaftMessage>) as unknown as Protocol,
    },
  ],
]);

/** As `erase`: an explorer hands back only messages that it got. */
function eraseModel<M extends Message>(model: ExplorationModel<M>): ExplorationModel {
  return model as unknown as ExplorationModel;
}
