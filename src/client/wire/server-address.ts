/** PEM texts. Without `ca` the authorities of the machine are trusted. */
export interface TlsOptions {
  readonly ca: Uint8Array | undefined;
  readonly cert: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

/** A server's address, and whether to speak TLS to it. */
export interface ServerAddress {
  readonly address: string;
  readonly tls: TlsOptions | undefined;
}
