/** Everything a command takes from the process it runs in, so that a test can hand in its own. */
export interface CliDependencies {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Somebody who can be asked; undefined when nobody sits there. */
  readonly terminal?: Terminal | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lifeline: Lifeline;
}

export interface Output {
  readonly isTTY?: boolean;
  write(chunk: string | Uint8Array): unknown;
}

export interface Terminal {
  /** The line that was typed. Rejects with a `CommandFailure` when it was given up. */
  ask(question: string): Promise<string>;
  /** The same, without showing what is typed. */
  askSecret(question: string): Promise<string>;
}

/** What tells a long-running command to end. */
export interface Lifeline {
  /**
   * Calls back for every request to stop: SIGINT, SIGTERM, or the death of the supervisor that started us. After the
   * function that comes back was called, a signal does again what it does to any process.
   */
  onStop(listener: (reason: string) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
