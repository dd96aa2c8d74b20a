import type { Logger } from 'pino';

/**
 * Tells of connections to the client port that were turned away: the same again, without another one in between, only for who
 * wants details. A client that tries again and again, or `quorate` itself when it looks why no answer came, would fill the log.
 */
export function refusalsTo(logger: Logger): (remote: string, reason: string) => void {
  let last: string | undefined;
  return (remote, reason) => {
    const refusal = `${remote} ${reason}`;
    const level = refusal === last ? 'debug' : 'warn';
    logger[level]({ remote, reason }, 'a connection to the client port was refused');
    last = refusal;
  };
}
