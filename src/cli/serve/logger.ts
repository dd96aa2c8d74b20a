import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Output } from '../dependencies.ts';

/** JSON lines, or readable ones on a terminal; always on stderr, since stdout is for data. */
export function createLogger(name: string, level: string, stderr: Output): Logger {
  const stream =
    stderr.isTTY === true
      ? pretty({ colorize: true, ignore: 'pid,hostname,name', sync: true, destination: 2 })
      : { write: (line: string) => void stderr.write(line) };
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}
