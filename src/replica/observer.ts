import type { Millis } from '../core/ids.ts';
import type {
  CommittedEntry,
  Effect,
  Input,
  Protocol,
  ProtocolDefinition,
  ProtocolOptions,
} from '../protocol/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a replica tells about itself while it runs: for logs, metrics, and the checks of the simulator. */
export interface ReplicaObserver {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The protocol is about to be made with these options; of its randomness nothing was drawn yet. */
  protocolMade?(definition: ProtocolDefinition, options: ProtocolOptions): void;
  /** After every step of the protocol, before its effects are carried out. */
  stepped?(now: Millis, inputs: readonly Input[], effects: readonly Effect[], protocol: Protocol): void;
  /** After an entry was applied. */
  applied?(entry: CommittedEntry): void;
  /** One write and one sync of the journal. */
  synced?(records: number, bytes: number, milliseconds: number): void;
  /** At the end of each turn. */
  turned?(load: TurnLoad): void;
}

export interface TurnLoad {
  readonly inputs: number;
  readonly proposals: number;
  readonly reads: number;
  readonly unapplied: number;
}
