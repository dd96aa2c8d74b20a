import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  DeleteRangeResponse,
  PutResponse,
  type RangeRequest,
  RangeResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { KeyValue } from '../../api/etcd/gen/mvccpb/kv.ts';
import { deleteRequest, prefixEnd, putRequest, rangeRequest, withoutEnd } from '../../client/wire/index.ts';
import { concatBytes, emptyBytes, utf8 } from '../../core/bytes.ts';
import { addCommand, configurationOf, type Session, withClient } from '../command.ts';
import { settings } from '../config/settings.ts';
import type { Output } from '../dependencies.ts';
import { usageFailure } from '../exit-codes.ts';
import { parseLeaseId } from '../lease-id.ts';
import { json, printable, shortened, table } from '../output.ts';

const scopes = ['client'] as const;

export function addPutCommand(program: Command, session: Session): void {
  addCommand(program, 'put', 'Set a key', scopes)
    .argument('<KEY>', 'The key')
    .argument('<VALUE>', 'The value; - reads it from stdin, byte by byte as it is')
    .option('--prev-kv', 'Show the pair that was replaced')
    .option('--lease <ID>', 'Delete the key together with this lease', parseLeaseId)
    .addHelpText(
      'after',
      `
Examples:
  quorate put greeting hello
  quorate put photo - < photo.jpg
  quorate put --output json greeting hello
  quorate put session/7 here --lease 694d1e0f   an id of "quorate lease grant"`,
    )
    .action(
      async (key: string, value: string, options: { prevKv?: true; lease?: bigint }, command: Command) => {
        const configuration = configurationOf(command, scopes, session);
        const { stdin, stdout } = session.dependencies;
        const request = putRequest({
          key: keyBytes(key),
          value: value === '-' ? await readAll(stdin) : utf8(value),
          prevKv: options.prevKv === true,
          lease: options.lease ?? 0n,
        });
        const answer = await withClient(session, configuration, (client) => client.put(request));
        if (configuration.required(settings.output) === 'json') {
          stdout.write(json(PutResponse.toJSON(answer)));
          return;
        }
        stdout.write(`done at revision ${answer.header?.revision ?? 0n}\n`);
        if (answer.prevKv !== undefined) stdout.write(pairTable([answer.prevKv], stdout));
      },
    );
}

export interface RangeFlags {
  readonly prefix?: true;
  readonly rangeEnd?: string;
}

interface GetFlags extends RangeFlags {
  readonly limit?: bigint;
  readonly keysOnly?: true;
  readonly countOnly?: true;
  readonly raw?: true;
  readonly rev?: bigint;
  readonly consistency: 'linearizable' | 'local';
  readonly sort?: Pick<RangeRequest, 'sortTarget' | 'sortOrder'>;
}

export function addGetCommand(program: Command, session: Session): void {
  addRangeFlags(
    addCommand(program, 'get', 'Read a key, or a range of keys', scopes).argument('<KEY>', 'The key'),
  )
    .option('--limit <COUNT>', 'At most so many pairs', parseLimit)
    .addOption(new Option('--keys-only', 'Without the values').conflicts('countOnly'))
    .option('--count-only', 'Only how many there are')
    .addOption(
      new Option('--raw', "Write nothing but the values' bytes, one after the other").conflicts([
        'output',
        'keysOnly',
        'countOnly',
      ]),
    )
    .option('--rev <REVISION>', 'As it was at this revision', parseRevision)
    .option(
      '--sort <TARGET>',
      'By key, version, create, mod or value; TARGET:descend for the other way',
      parseSort,
    )
    .addOption(
      new Option(
        '--consistency <LEVEL>',
        'linearizable: sees every write that was acknowledged; local: what the asked replica has, maybe old',
      )
        .choices(['linearizable', 'local'])
        .default('linearizable'),
    )
    .addHelpText(
      'after',
      `
Examples:
  quorate get greeting
  quorate get config/ --prefix --keys-only
  quorate get a --range-end m --limit 10 --sort mod:descend
  quorate get photo --raw > photo.jpg
  quorate get greeting --rev 7                 as it was then
  quorate get "" --prefix --count-only         how many keys there are

A key that is not there is no error: nothing is shown, the exit code is 0. The table shows bytes that are not
printable as \\n, \\r, \\t or \\xHH, and a backslash as two, and on a terminal only the beginning of a long value; --output json is etcd's
RangeResponse, with keys and values in base64.`,
    )
    .action(async (key: string, flags: GetFlags, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const request = rangeRequest({
        ...rangeOf(key, flags),
        ...flags.sort,
        limit: flags.limit ?? 0n,
        revision: flags.rev ?? 0n,
        keysOnly: flags.keysOnly === true,
        countOnly: flags.countOnly === true,
        serializable: flags.consistency === 'local',
      });
      const answer = await withClient(session, configuration, (client) => client.range(request));
      showRange(answer, flags, configuration.required(settings.output), session);
    });
}

function showRange(answer: RangeResponse, flags: GetFlags, output: 'table' | 'json', session: Session): void {
  const { stdout, stderr } = session.dependencies;
  if (flags.raw === true) {
    for (const pair of answer.kvs) stdout.write(pair.value);
  } else if (output === 'json') {
    stdout.write(json(RangeResponse.toJSON(answer)));
  } else if (flags.countOnly === true) {
    stdout.write(`${answer.count}\n`);
  } else if (flags.keysOnly === true) {
    for (const pair of answer.kvs) stdout.write(`${printable(pair.key)}\n`);
  } else if (answer.kvs.length > 0) {
    stdout.write(pairTable(answer.kvs, stdout));
  } else {
    stderr.write('no such key\n');
  }
  if (answer.more && output === 'table') {
    stderr.write(`${answer.kvs.length} of ${answer.count} shown; there are more above the limit\n`);
  }
}

export function addDeleteCommand(program: Command, session: Session): void {
  addRangeFlags(
    addCommand(program, 'del', 'Delete a key, or a range of keys', scopes).argument('<KEY>', 'The key'),
  )
    .option('--prev-kv', 'Show the pairs that were deleted')
    .addHelpText(
      'after',
      `
Examples:
  quorate del greeting
  quorate del sessions/ --prefix --prev-kv`,
    )
    .action(async (key: string, flags: RangeFlags & { prevKv?: true }, command: Command) => {
      const configuration = configurationOf(command, scopes, session);
      const { stdout } = session.dependencies;
      const request = deleteRequest({ ...rangeOf(key, flags), prevKv: flags.prevKv === true });
      const answer = await withClient(session, configuration, (client) => client.deleteRange(request));
      if (configuration.required(settings.output) === 'json') {
        stdout.write(json(DeleteRangeResponse.toJSON(answer)));
        return;
      }
      stdout.write(`${answer.deleted} deleted at revision ${answer.header?.revision ?? 0n}\n`);
      if (answer.prevKvs.length > 0) stdout.write(pairTable(answer.prevKvs, stdout));
    });
}

/** Enough to recognise a value by; a pipe or a file gets all of it. */
const terminalValueColumns = 60;

export function pairTable(pairs: readonly KeyValue[], { isTTY }: Output): string {
  const value = (bytes: Uint8Array): string =>
    isTTY === true ? shortened(printable(bytes), terminalValueColumns) : printable(bytes);
  return table(
    ['KEY', 'VALUE', 'VERSION', 'MODIFIED', 'CREATED'],
    pairs.map((pair) => [
      printable(pair.key),
      value(pair.value),
      String(pair.version),
      String(pair.modRevision),
      String(pair.createRevision),
    ]),
  );
}

export const addRangeFlags = (command: Command): Command =>
  command
    .addOption(new Option('--prefix', 'All keys that begin with KEY').conflicts('rangeEnd'))
    .option('--range-end <END>', 'All keys from KEY on, below END');

export function rangeOf(key: string, flags: RangeFlags): { key: Uint8Array; rangeEnd: Uint8Array } {
  if (flags.prefix === true && key === '') return { key: withoutEnd, rangeEnd: withoutEnd };
  const from = keyBytes(key);
  if (flags.prefix === true) return { key: from, rangeEnd: prefixEnd(from) };
  return { key: from, rangeEnd: flags.rangeEnd === undefined ? emptyBytes : utf8(flags.rangeEnd) };
}

function keyBytes(key: string): Uint8Array {
  if (key === '')
    throw usageFailure('a key is 1 byte or longer; "" with --prefix means all keys. Nothing was sent.');
  return utf8(key);
}

export function parseRevision(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text))
    throw new InvalidArgumentError('It must be a revision, a number from 1 on.');
  return BigInt(text);
}

function parseLimit(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 on.');
  return BigInt(text);
}

const sortTargets: readonly string[] = ['key', 'version', 'create', 'mod', 'value'];

function parseSort(text: string): Pick<RangeRequest, 'sortTarget' | 'sortOrder'> {
  const [name = '', direction = 'ascend', ...more] = text.split(':');
  const target = sortTargets.indexOf(name);
  if (target < 0 || !['ascend', 'descend'].includes(direction) || more.length > 0) {
    throw new InvalidArgumentError(`It must be one of ${sortTargets.join(', ')}, maybe with :descend.`);
  }
  return { sortTarget: target as RangeRequest['sortTarget'], sortOrder: direction === 'ascend' ? 1 : 2 };
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return concatBytes(chunks);
}
