import type { ClientFailure, Obstacle } from '../client/wire/index.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';

const advice: Readonly<Record<Obstacle, string>> = {
  tlsDemanded:
    'Use https:// in --endpoints, and --cacert if a public authority did not sign its certificate.',
  noTls: 'Leave https:// out of --endpoints, and --cacert, --cert and --key too.',
  untrusted: 'Give --cacert with the authority that signed it.',
  certificateDemanded: 'Give --cert and --key.',
  foreign: 'Name client ports in --endpoints; replicas talk to each other on others.',
};

/** Texts of servers and of the client that come when no majority answers. */
const noMajority = /^(etcdserver: (no leader|request timed out|leader changed)|no answer in time)/;
const seeStatus = 'a majority of the members may not be reachable; see "quorate status"';

/** What to look at, where the server's words are those that etcd's clients know. */
const explanations: readonly (readonly [text: RegExp, explanation: string])[] = [
  [noMajority, seeStatus],
  [
    /unhealthy cluster$/,
    'those that answer would be no majority of the voters afterwards; see "quorate status", and bring back or remove who is down first',
  ],
  [
    /not enough started members$/,
    'a member that was added has not started yet, or nobody would be left that votes; see "quorate member list"',
  ],
  [
    /in sync with leader$/,
    'it has not started, or still learns what the others know; see "quorate member list", and try again',
  ],
];

function explained(message: string): string {
  const found = explanations.find(([text]) => text.test(message));
  return found === undefined ? message : `${message} (${found[1]})`;
}

/** What a failed call means for the one who gave the command. */
export function commandFailure(failure: ClientFailure): CommandFailure {
  switch (failure.type) {
    case 'refused':
      return new CommandFailure(exitCodes.refused, `${refusal(failure)}. Nothing happened.`);
    case 'unknown':
      return new CommandFailure(
        exitCodes.unknown,
        `no certain answer from ${failure.endpoint}: ${explained(failure.message)}. It may have taken effect, or may still do so: read before you try again.`,
      );
    case 'unreachable': {
      const next = [...new Set(failure.obstacles)].map((obstacle) => advice[obstacle]);
      const what = next.length > 0 ? next.join(' ') : 'Is the cluster up, and --endpoints right?';
      return new CommandFailure(
        exitCodes.unreachable,
        `no server was reached (${failure.message}). Nothing was sent. ${what}`,
      );
    }
  }
}

function refusal({ endpoint, message }: ClientFailure): string {
  if (message === 'etcdserver: no leader') {
    return `no leader, says ${endpoint}: a majority of the members is not reachable; see "quorate status"`;
  }
  if (message === 'no answer in time') return `no answer from ${endpoint} in time: ${seeStatus}`;
  return `refused by ${endpoint}: ${explained(message)}`;
}
