import { type Import, importsOf } from './imports.ts';
import { type Finding, isTest, isTypeScript, type SourceFile } from './source-files.ts';

const pure = ['core', 'quorum', 'protocol', 'protocols', 'machine'] as const;

/** The generated messages of a wire format belong to both of its ends: the door and the client. */
const wireMessages = 'api/etcd/gen';

/**
 * What each room of `src` may import, itself apart. A room that is not listed here may not exist: adding one means to
 * decide this.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  quorum: ['core'],
  protocol: ['core', 'quorum'],
  protocols: ['core', 'quorum', 'protocol'],
  machine: ['core'],
  storage: ['core', 'protocol'],
  transport: ['core', 'protocol'],
  replica: [...pure, 'storage', 'transport'],
  api: [...pure, 'storage', 'transport', 'replica', wireMessages],
  [wireMessages]: [],
  client: ['core', wireMessages],
  embedded: ['core', 'machine', 'replica', 'client'],
  check: pure,
  simulator: [...pure, 'storage', 'transport', 'replica', 'check'],
  cli: [...pure, 'storage', 'transport', 'replica', 'api', wireMessages, 'client', 'check', 'simulator'],
  'index.ts': [...pure, 'storage', 'transport', 'replica', 'client', 'check', 'simulator'],
};

/** Only the tables that lie beside the protocols know them by name. */
const isRegistry = (file: string): boolean => /^src\/protocols\/[^/]+\.ts$/.test(file);

/** Imports point one way only: between rooms by the table, between protocols never, between files without cycles. */
export function checkArrows(files: readonly SourceFile[]): Finding[] {
  const sources = files.filter((file) => isTypeScript(file) && !isTest(file) && file.path.startsWith('src/'));
  const imports = new Map(sources.map((file) => [file.path, importsOf(file)]));
  const findings: Finding[] = [];
  for (const [from, list] of imports) {
    for (const each of list) {
      const message = each.target === undefined ? undefined : forbidden(from, each.target);
      if (message !== undefined) findings.push({ path: from, line: each.line, message });
    }
  }
  return [...findings, ...findCycles(imports)];
}

function roomOf(file: string): string {
  const inside = file.slice('src/'.length);
  return inside.startsWith(`${wireMessages}/`) ? wireMessages : (inside.split('/')[0] ?? inside);
}

function protocolOf(file: string): string | undefined {
  const [src, room, name, ...rest] = file.split('/');
  return src === 'src' && room === 'protocols' && rest.length > 0 ? name : undefined;
}

function forbidden(from: string, to: string): string | undefined {
  if (!to.startsWith('src/')) return `imports ${to}, outside of src: what is published must not need it`;
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  const permitted = allowed[fromRoom];
  if (permitted === undefined) return `src/${fromRoom} is a room that scripts/tidy/arrows.ts does not know`;
  if (fromRoom !== toRoom && !permitted.includes(toRoom)) {
    const may = permitted.length === 0 ? 'nothing' : permitted.join(', ');
    return `${fromRoom} must not import ${toRoom} (it may import ${may})`;
  }
  const protocol = protocolOf(to);
  if (protocol !== undefined && protocol !== protocolOf(from) && !isRegistry(from)) {
    return `only the registries in src/protocols may know the protocol ${protocol}: ask them`;
  }
  return undefined;
}

function findCycles(imports: ReadonlyMap<string, readonly Import[]>): Finding[] {
  const done = new Set<string>();
  const findings: Finding[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(file);
    if (seenAt >= 0) {
      const cycle = [...trail.slice(seenAt), file].join(' -> ');
      findings.push({ path: file, line: 1, message: `imports itself in the end: ${cycle}` });
      return;
    }
    if (done.has(file)) return;
    for (const each of imports.get(file) ?? []) {
      if (each.target !== undefined && !each.typeOnly) visit(each.target, [...trail, file]);
    }
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return findings;
}
