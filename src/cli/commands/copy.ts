import { type Command, InvalidArgumentError } from 'commander';
import { type Credentials, methods, prefixEnd, rangeRequest, withoutEnd } from '../../client/wire/index.ts';
import { utf8 } from '../../core/bytes.ts';
import { addCommand, configurationOf, type Session, serversAt } from '../command.ts';
import type { Configuration } from '../config/configuration.ts';
import { type Setting, settings } from '../config/settings.ts';
import type { Endpoint } from '../config/values.ts';
import { ProgressLine } from '../copy/progress.ts';
import { type CopyReport, copy } from '../copy/run.ts';
import { credentialsOf, namedUser } from '../credentials.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';
import { byteSize, counted, hexId, json } from '../output.ts';
import { stopSignal } from '../stop.ts';
import { type Store, withStoreAt } from '../store.ts';

const scopes = ['copy'] as const;

interface CopyFlags {
  readonly prefix: string;
  readonly rate?: number;
}

export function addCopyCommand(program: Command, session: Session): void {
  addCommand(program, 'copy', 'Copy keys from one cluster to another, of Quorate or of etcd', scopes)
    .option('--prefix <PREFIX>', 'Only keys that begin with it', '')
    .option('--rate <COUNT>', 'At most so many keys a second', parseRate)
    .addHelpText(
      'after',
      `
Examples:
  quorate copy --from etcd1:2379,etcd2:2379 --to 10.0.0.1:2379
  quorate copy --from https://etcd1:2379 --to https://10.0.0.1:2379 --cacert both.pem
  quorate copy --from 10.0.0.1:2379 --to 10.0.1.1:2379 --prefix config/ --rate 500 --output json

Copies the keys as they were at one revision of the source, then reads both clusters again and compares every key. It can be interrupted
and started again: what is in the target already is not written twice. Started later, it brings the target up to date.

- A key of the target that differs is replaced; one that is in the target alone is counted and left. Keys that somebody else changes
  there meanwhile are never overwritten unseen.
- A key that hangs on a lease is attached to a lease with the same id and the same time to live, which begins anew. If nobody renews it in
  the target, the key goes.
- Versions, revisions and history are those of the target. Users and roles are not copied.

The exit code is 0 when the target was seen to hold everything, and 1 when it is not complete: run it again.`,
    )
    .action(async (flags: CopyFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const { stdout, stderr } = session.dependencies;
      const signal = stopSignal(session.dependencies);
      const line = new ProgressLine(stderr);
      const prefix = utf8(flags.prefix);
      const deadlineMs = configuration.required(settings.timeout);
      const report = await withStores(session, configuration, async (source, target) => {
        await requireTwoClusters(source, target, prefix, deadlineMs);
        return copy({
          source,
          target,
          prefix,
          rate: flags.rate,
          signal,
          onProgress: (progress) => line.tell(progress),
        });
      }).catch((error: unknown) => {
        line.end();
        if (!signal.aborted) throw error;
        throw refusedFailure('stopped before everything was copied; run it again to go on.');
      });
      line.end();
      stdout.write(
        configuration.required(settings.output) === 'json' ? json(plain(report)) : describe(report),
      );
    });
}

/** A copy of a cluster to itself finds everything there, whatever was meant. */
async function requireTwoClusters(
  source: Store,
  target: Store,
  prefix: Uint8Array,
  deadlineMs: number,
): Promise<void> {
  // What the copy reads too, so that no other permission is needed.
  const request = rangeRequest({
    key: prefix.length === 0 ? withoutEnd : prefix,
    rangeEnd: prefixEnd(prefix),
    countOnly: true,
  });
  const [from, to] = await Promise.all(
    [source, target].map(async ({ cluster }) => {
      const limits = { deadline: Date.now() + deadlineMs, patient: true };
      return (await cluster.call(methods.range, 'read', request, limits)).header?.clusterId;
    }),
  );
  if (from !== undefined && from === to) {
    throw usageFailure(`--from and --to lead to the same cluster, ${hexId(from)}. Nothing was copied.`);
  }
}

async function withStores<T>(
  session: Session,
  configuration: Configuration,
  use: (source: Store, target: Store) => Promise<T>,
): Promise<T> {
  const timeoutMs = configuration.required(settings.timeout);
  const side = async (endpoints: Setting<readonly Endpoint[]>, user: Setting<string>) => ({
    servers: serversAt(configuration.required(endpoints), configuration),
    credentials: await credentialsAt(user, configuration, session),
    timeoutMs,
  });
  const from = await side(settings.from, settings.fromUser);
  const to = await side(settings.to, settings.toUser);
  return withStoreAt(from, (source) => withStoreAt(to, (target) => use(source, target)));
}

async function credentialsAt(
  setting: Setting<string>,
  configuration: Configuration,
  { dependencies }: Session,
): Promise<Credentials | undefined> {
  const user = configuration.optional(setting);
  return user === undefined
    ? credentialsOf(configuration, dependencies)
    : namedUser(user, configuration, dependencies);
}

function parseRate(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 on.');
  return Number(text);
}

const plain = (report: CopyReport): object => ({
  ...report,
  revision: String(report.revision),
  verified: true,
});

function describe(report: CopyReport): string {
  const { revision, keys, copied, bytes, extra, leases, expired } = report;
  const lines = [
    `${keys === 1 ? 'the only key' : `all ${keys} keys`} as of revision ${revision} ${keys === 1 ? 'is' : 'are'} in the target, verified: ${copied} written (${byteSize(BigInt(bytes))})`,
  ];
  if (leases > 0) lines.push(`${counted(leases, 'lease')} carried over, whose time began anew`);
  if (expired > 0) lines.push(`${counted(expired, 'key')} left out, of leases that have ended`);
  if (extra > 0) lines.push(`${counted(extra, 'more key')} in the target alone, left there`);
  return `${lines.join('\n')}\n`;
}
