import type { LeaseName, RevisionName, Text } from './program.ts';

const chosenByClients = [7n, 8n, 9_223_372_036_854_775_807n, -5n] as const;

/** Nobody has it: what a name means that no lease has been given yet. */
const nobodysLease = 77n;

export const bytesOf = (text: Text): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
export const textOf = (bytes: Uint8Array): Text => Buffer.from(bytes).toString('latin1');

/** What the symbols of a program mean at one server, and what its numbers mean in symbols. */
export class Names {
  readonly #base: bigint;
  readonly #chosenByServer: bigint[] = [];

  /** `base` is the revision at which the program begins. */
  constructor(base: bigint) {
    this.#base = base;
  }

  revision(name: RevisionName): bigint {
    return name <= 0 ? BigInt(name) : this.#base + BigInt(name - 3);
  }

  revisionText(revision: bigint): string {
    if (revision <= 0n) return `${revision}`;
    const after = revision - this.#base;
    return after < 0n ? `base${after}` : `base+${after}`;
  }

  lease(name: LeaseName): bigint {
    if (name <= 0) return BigInt(name);
    return (
      chosenByClients[name - 1] ?? this.#chosenByServer[name - 1 - chosenByClients.length] ?? nobodysLease
    );
  }

  leaseText(lease: bigint): string {
    const at = this.#chosenByServer.indexOf(lease);
    return at < 0 ? `${lease}` : `chosen by the server: ${at + 1}`;
  }

  chosen(lease: bigint): void {
    this.#chosenByServer.push(lease);
  }
}
