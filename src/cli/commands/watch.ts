import type { Command } from 'commander';
import { KeyValue } from '../../api/etcd/gen/mvccpb/kv.ts';
import type { Change, Entry, Event, Selection } from '../../client/index.ts';
import { addCommand, configurationOf, type Session } from '../command.ts';
import { settings } from '../config/settings.ts';
import { jsonLine, printable } from '../output.ts';
import { stopSignal } from '../stop.ts';
import { withStore } from '../store.ts';
import { addRangeFlags, parseRevision, type RangeFlags, rangeOf } from './keys.ts';

const scopes = ['client'] as const;

interface WatchFlags extends RangeFlags {
  readonly from?: bigint;
  readonly previous?: true;
  readonly progress?: true;
}

export function addWatchCommand(program: Command, session: Session): void {
  addRangeFlags(
    addCommand(
      program,
      'watch',
      'Show what happens to a key, or a range of keys, as it happens',
      scopes,
    ).argument('<KEY>', 'The key'),
  )
    .option('--from <REVISION>', 'All changes since this revision, it included', parseRevision)
    .option('--previous', 'Show what was there before each change, too')
    .option('--progress', 'Also say, about twice a minute, up to which revision nothing more has happened')
    .addHelpText(
      'after',
      `
Examples:
  quorate watch config/mode
  quorate watch config/ --prefix --previous
  quorate watch "" --prefix --from 120 --output json
  quorate watch jobs/ --prefix --output json | while read -r change; do ...; done

Each change is shown once, in order. When a server dies or loses its leader, the watch goes on at another one where it was. Ctrl-C
ends it with exit code 0. It fails when --from names a revision that was compacted: begin with "quorate get" then.

--output json writes one line for each revision, {"revision": "...", "events": [...]}, with events in etcd's shape: a transaction is in
one line. To go on later, add 1 to the last revision and give it as --from. A line of --progress has no events.`,
    )
    .action(async (key: string, flags: WatchFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const write = configuration.required(settings.output) === 'json' ? jsonChange : plainChange;
      const { stdout, stderr } = session.dependencies;
      const selection = selectionOf(key, flags);
      const signal = stopSignal(session.dependencies);
      await withStore(session, configuration, async ({ client }) => {
        const watch = client.watch({
          ...selection,
          fromRevision: flags.from,
          previous: flags.previous,
          progress: flags.progress,
          signal,
        });
        watch.ready.then(
          (revision) => stderr.write(`watching from revision ${revision + 1n} on; Ctrl-C ends it\n`),
          () => undefined,
        );
        for await (const change of watch.changes()) stdout.write(write(change));
      });
    });
}

function selectionOf(key: string, flags: RangeFlags): Selection {
  const { key: from, rangeEnd } = rangeOf(key, flags);
  if (flags.prefix === true) return { prefix: key };
  return rangeEnd.length === 0 ? { key: from } : { from, to: rangeEnd };
}

function plainChange({ revision, events }: Change): string {
  if (events.length === 0) return `${revision}  (nothing more so far)\n`;
  return events.map((event) => `${revision}  ${plainEvent(event)}\n`).join('');
}

function plainEvent({ type, key, entry, previous }: Event): string {
  const what = entry === undefined ? '' : `  ${printable(entry.value)}`;
  const before = previous === undefined ? '' : `  (before: ${printable(previous.value)})`;
  return `${type.padEnd('delete'.length)}  ${printable(key)}${what}${before}`;
}

const jsonChange = ({ revision, events }: Change): string =>
  jsonLine({ revision: String(revision), events: events.map(jsonEvent) });

function jsonEvent({ type, key, revision, entry, previous }: Event): object {
  return {
    type: type === 'put' ? 'PUT' : 'DELETE',
    kv: entry === undefined ? KeyValue.toJSON(tombstone(key, revision)) : pairJson(entry),
    ...(previous === undefined ? {} : { prev_kv: pairJson(previous) }),
  };
}

const pairJson = (entry: Entry): unknown => KeyValue.toJSON(entry);

const tombstone = (key: Uint8Array, modRevision: bigint): KeyValue => ({
  key,
  value: new Uint8Array(0),
  createRevision: 0n,
  modRevision,
  version: 0n,
  lease: 0n,
});
