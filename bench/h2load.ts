import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export interface LoadOptions {
  /** Of h2load. */
  readonly program: string;
  /** host:port, plaintext. */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly method: string;
  readonly message: Uint8Array;
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly streams: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Requests without an answer, or with another HTTP status than 200; gRPC's own errors are not among them. */
  readonly failed: number;
  readonly perSecond: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const warmUpSeconds = 1;

/** The same gRPC call again and again, as many at a time as asked for, after a warm-up that is not counted. */
export async function h2load(options: LoadOptions): Promise<LoadResult> {
  const directory = mkdtempSync(path.join(tmpdir(), 'quorate-h2load-'));
  try {
    const body = path.join(directory, 'body');
    const log = path.join(directory, 'log');
    writeFileSync(body, grpcMessage(options.message));
    const load = ['-c', String(options.connections), '-m', String(options.streams), '-t', '1'];
    const time = ['-D', String(options.seconds), `--warm-up-time=${warmUpSeconds}`];
    const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];
    const target = [`http://${options.address}${options.method}`];
    const { stdout } = await promisify(execFile)(
      options.program,
      [...load, ...time, ...headers, '-d', body, `--log-file=${log}`, ...target],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    return { ...summary(readFileSync(log, 'utf8'), options.seconds), failed: failuresIn(stdout) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Not compressed, then its length, then the message. */
function grpcMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(5 + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, 5);
  return framed;
}

/** One line for each request: start in µs, HTTP status, duration in µs. Those that the end cut off have no status. */
function summary(log: string, seconds: number): Omit<LoadResult, 'failed'> {
  const rows = log
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  const answered = rows.filter(([, status]) => status !== '0');
  const durations = Float64Array.from(answered, ([, , duration]) => Number(duration) / 1000).sort();
  const sum = durations.reduce((total, each) => total + each, 0);
  return {
    requests: answered.length,
    perSecond: answered.length / seconds,
    meanMs: sum / durations.length,
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
  };
}

function failuresIn(report: string): number {
  const found = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(report);
  if (found === null) throw new Error(`h2load said something unforeseen:\n${report}`);
  return Number(found[1]) + Number(found[2]) + Number(found[3]);
}

/** Of sorted values. */
export const quantile = (sorted: ArrayLike<number>, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
