import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SimpleTokens } from '../src/api/auth/simple-tokens.ts';
import { etcdDoor } from '../src/api/etcd/services.ts';
import { etcdVersion } from '../src/api/etcd/version.ts';
import { SingleReplica } from '../test/support/single-replica.ts';

/** Writes docs/etcd-compatibility.md from the protocol's definition, the door and its tests; a test holds the page to them. */
export const etcdPage = fileURLToPath(new URL('../docs/etcd-compatibility.md', import.meta.url));

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const filesIn = (folder: string, end: string): string[] =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => `${folder}/${name}`);

export interface PublishedMethod {
  /** "package.Service". */
  readonly service: string;
  readonly name: string;
}

/** Every method that etcd has, up to the level of our definitions. */
export function publishedMethods(): PublishedMethod[] {
  const files = ['etcdserverpb/rpc', 'v3lockpb/v3lock', 'v3electionpb/v3election', 'grpc/health/v1/health'];
  return files.flatMap((file) => {
    const text = read(`proto/${file}.proto`);
    const [, pack = ''] = /^package ([\w.]+);/m.exec(text) ?? [];
    return [...text.matchAll(/^service (\w+) \{\n([\s\S]*?)^\}/gm)].flatMap(([, service = '', body = '']) =>
      [...body.matchAll(/^ {2}rpc (\w+)/gm)].map(([, name = '']) => ({
        service: `${pack}.${service}`,
        name,
      })),
    );
  });
}

/** What the command line client of etcd says that calls a method, as its tests write it. */
const commands: Readonly<Record<string, string>> = {
  Range: 'get',
  Put: 'put',
  DeleteRange: 'del',
  Txn: 'txn',
  Compact: 'compaction',
  Watch: 'watch',
  LeaseGrant: 'lease grant',
  LeaseRevoke: 'lease revoke',
  LeaseKeepAlive: 'lease keep-alive',
  LeaseTimeToLive: 'lease timetolive',
  LeaseLeases: 'lease list',
  MemberAdd: 'member add',
  MemberRemove: 'member remove',
  MemberUpdate: 'member update',
  MemberList: 'member list',
  MemberPromote: 'member promote',
  Alarm: 'alarm list',
  Status: 'endpoint status',
  Defragment: 'defrag',
  HashKV: 'endpoint hashkv',
  Snapshot: 'snapshot save',
  MoveLeader: 'move-leader',
  AuthEnable: 'auth enable',
  AuthDisable: 'auth disable',
  UserAdd: 'user add',
  UserGet: 'user get',
  UserList: 'user list',
  UserDelete: 'user delete',
  UserChangePassword: 'user passwd',
  UserGrantRole: 'user grant-role',
  UserRevokeRole: 'user revoke-role',
  RoleAdd: 'role add',
  RoleGet: 'role get',
  RoleList: 'role list',
  RoleDelete: 'role delete',
  RoleGrantPermission: 'role grant-permission',
  RoleRevokePermission: 'role revoke-permission',
};

/** The items of the wire contract, by number. */
const items: Readonly<Record<number, string>> = {
  1: 'Revisions',
  2: 'Headers',
  3: 'Ranges of keys',
  4: 'Range',
  5: 'Errors',
  6: 'Compaction',
  7: 'Put',
  8: 'Transactions',
  9: 'Versions',
  10: 'Watches: creating',
  11: 'Watches: compaction and permission',
  12: 'Watches: events',
  13: 'Watches: progress',
  14: 'Watches: cancelling',
  15: 'Leases',
  16: 'Members',
  17: 'Learners and leaders',
  18: 'Alarms and the quota',
  19: 'Status',
  20: 'Snapshots and hashes',
  21: 'Users and permissions',
  22: 'Locks and elections',
  23: 'Unknown outcomes',
};

const differences = [
  'Renewals of leases are ordered like writes, gathered into few commands; so no change of the leader and no stalled leader ends a lease early.',
  'Space is given back while history is compacted. `Defragment` stops nothing: it makes durable what was given back last. The quota counts the space in use, not the size of the file.',
  'A snapshot has [our own format](formats/snapshot.md), and hashes are ours too: they are equal on all replicas, not equal to those of etcd.',
  'Tokens are good at every replica, not only at the one that gave them.',
  '`Downgrade` has no older level to go to, and refuses in etcd’s words.',
  'An answer to a write says in the trailer `quorate-outcome` whether it was refused or its outcome is unknown, where etcd gives the same text for both.',
  'A key is at most 3,989 bytes long, where a zero byte counts twice; the answer to one transaction is at most 16 MiB.',
  'The gateway refuses fields that it does not know, and bytes that are not base64, where etcd passes over them.',
  'An empty password is refused, where etcd 3.4 takes it and lets it in, and 3.5 takes it and lets nobody in. `AuthEnable` is refused where nobody could be root afterwards: no user with the role root has a password, and the port knows nobody by a certificate.',
  'A `hashed_password` in a request is refused: it would be the hash of another function ([security](security.md#passwords)).',
  'A watch that was told everything is told what came before a compaction as well, as long as it was not given back; other differences of watches are [on their page](watches.md#differences-from-etcd).',
  'No replica raises the alarm CORRUPT by itself: nothing compares the members but whoever asks ([operating](operating.md#comparing-the-members)). Alarms are raised for members only.',
  'Not here: `KV.RangeStream` (level 3.7), API version 2, the gRPC proxy, gRPC-Web.',
];

export function renderEtcd(): string {
  return [
    '# Compatibility with etcd',
    '',
    `What programs made for etcd can count on. \`Status.version\` says ${etcdVersion}. Written by \`npm run docs\` from the`,
    'definitions of the protocol, the methods that are served, and the tests that call them through real gRPC and with etcd’s own',
    'command line client.',
    '',
    '## Differences',
    '',
    ...differences.map((difference) => `- ${difference}`),
    '',
    '## Methods',
    '',
    ...renderMethods(),
    '',
    '## Semantics',
    '',
    'What clients rely on beyond the definitions, each line the name of a test.',
    ...renderItems(),
    '',
  ].join('\n');
}

function renderMethods(): string[] {
  const { services, gateway } = etcdDoor({
    replica: new SingleReplica(),
    schemes: { peer: 'http', client: 'http' },
    tokens: new SimpleTokens({ ttlMs: 1, now: () => 0 }),
    certificateNames: false,
    quotaBytes: undefined,
    progressIntervalMs: 600_000,
    fault: () => undefined,
  });
  const tests = unitTests();
  const etcdctl = filesIn('conformance', '.test.ts')
    .filter((file) => file.includes('etcdctl'))
    .map(read)
    .join('\n');
  const lines = [
    '| method | served | JSON, `POST /v3…` | tested in | etcdctl |',
    '| --- | --- | --- | --- | --- |',
  ];
  for (const { service, name } of publishedMethods()) {
    const full = `/${service}/${name}`;
    const paths = [...gateway].filter(([, method]) => method.path === full).map(([at]) => `\`${at}\``);
    const command = commands[name];
    const cells = [
      `${service.replace('etcdserverpb.', '')}.${name}`,
      services.methods.has(full) ? 'yes' : 'no',
      paths.join(' '),
      testOf(tests, service, name),
      service.startsWith('etcdserverpb.') && command !== undefined && isUsed(command, etcdctl)
        ? `\`${command}\``
        : '',
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines;
}

/** What calls methods on behalf of tests. */
const testClients = ['auth-client.ts', 'watch-client.ts'];

/** With the clients that they use. */
function unitTests(): ReadonlyMap<string, string> {
  const tests = new Map<string, string>();
  for (const file of filesIn('src/api/etcd', '.test.ts')) {
    // It tries every method, and tells nothing of what they do.
    if (file.endsWith('/authorization.test.ts')) continue;
    const text = read(file);
    const used = testClients.filter((client) => text.includes(client));
    tests.set(file, [text, ...used.map((client) => read(`test/support/${client}`))].join(''));
  }
  return tests;
}

const helpers: Readonly<Record<string, string>> = {
  Range: 'client.range(',
  Put: 'client.put(',
  DeleteRange: 'client.delete(',
  Txn: 'client.txn(',
};

/** The test of the service itself, or else the one that names a method most often. */
function testOf(tests: ReadonlyMap<string, string>, service: string, name: string): string {
  let best = '';
  let most = 0;
  for (const [file, text] of tests) {
    const named = text.includes(`${service}/`) ? count(text, `'${name}'`) : 0;
    const mentions = count(text, `/${service}/${name}'`) + named + count(text, helpers[name] ?? '\0');
    const own = path.basename(file) === `${service.split('.').at(-1)?.toLowerCase()}.test.ts`;
    if (mentions > 0 && own) return testLink(file);
    if (mentions > most) {
      best = file;
      most = mentions;
    }
  }
  return best === '' ? '' : testLink(best);
}

const testLink = (file: string): string => `[${path.basename(file)}](../${file})`;

const count = (text: string, part: string): number => text.split(part).length - 1;

/** Words follow one another as arguments, or in a line that is typed. */
const isUsed = (command: string, text: string): boolean =>
  text.includes(
    command
      .split(' ')
      .map((word) => `'${word}'`)
      .join(', '),
  );

/** The name of a test or a group of tests, and how deep it stands. */
const named =
  /(?:^|\n)( *)(?:(describe|test|it)(?:\.each\([^)\n]*\)|\.\w+)*\(|\](?: as const)?\)\(|\)\()\s*(['"`])((?:\\.|(?!\3).)*)\3/g;

function renderItems(): string[] {
  const found = new Map<number, string[]>();
  for (const file of filesIn('src/api/etcd', '.test.ts')) {
    for (const { item, title } of itemsOf(read(file))) {
      const line = `- ${title.replaceAll('|', '\\|')} ([${path.basename(file)}](../${file}))`;
      found.set(item, [...(found.get(item) ?? []), line]);
    }
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .flatMap(([number, lines]) => ['', `### ${number}. ${items[number] ?? ''}`, '', ...lines]);
}

/** The tests of a file whose name, or whose group's name, begins with the number of an item. */
function* itemsOf(text: string): Generator<{ readonly item: number; readonly title: string }> {
  let group: { readonly item: number; readonly title: string } | undefined;
  for (const [, indent = '', kind, , raw = ''] of text.matchAll(named)) {
    const [, number, rest] = /^(\d+): (.*)/.exec(raw) ?? [];
    const title = (rest ?? raw).replace(/\\(.)/g, '$1').replace(/%[sdj]/g, '…');
    if (indent !== '') {
      if (group !== undefined) yield { item: group.item, title: `${group.title}: ${title}` };
      continue;
    }
    group = undefined;
    if (number === undefined) continue;
    if (kind === 'describe') group = { item: Number(number), title };
    else yield { item: Number(number), title };
  }
}
