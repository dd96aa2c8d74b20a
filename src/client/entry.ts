const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes that are no UTF-8 become U+FFFD: for showing, and for values that are known to be text. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

interface EntryFields {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
  readonly lease: bigint;
}

/** A key with its value, as it was at one revision. */
export class Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision at which the key came to be; a key that was deleted and put again has a new one. */
  readonly createRevision: bigint;
  /** The revision of the last put: what `ifRevision` compares with. */
  readonly modRevision: bigint;
  /** 1 at creation, one more for each put. */
  readonly version: bigint;
  /** The lease that the key is attached to, 0 for none. */
  readonly lease: bigint;

  constructor(fields: EntryFields) {
    this.key = fields.key;
    this.value = fields.value;
    this.createRevision = fields.createRevision;
    this.modRevision = fields.modRevision;
    this.version = fields.version;
    this.lease = fields.lease;
  }

  /** The key as UTF-8 text. */
  get name(): string {
    return textOf(this.key);
  }

  /** The value as UTF-8 text. */
  get text(): string {
    return textOf(this.value);
  }
}
