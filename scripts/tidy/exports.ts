import type { Finding, SourceFile } from './source-files.ts';

const manifestPath = 'package.json';

/** Every file that package.json promises is built from a source that is there. */
export function checkExports(files: readonly SourceFile[]): Finding[] {
  const manifest = files.find((file) => file.path === manifestPath);
  if (manifest === undefined) return [{ path: manifestPath, line: 1, message: 'is not there' }];
  const content: unknown = JSON.parse(manifest.text);
  const paths = files.map((file) => file.path);
  const lines = manifest.text.split('\n');
  return targetsOf(content).flatMap((target) => {
    const source = sourceOf(target);
    if (source === undefined) {
      return [{ path: manifestPath, line: 1, message: `${target} is not below dist` }];
    }
    const line = lines.findIndex((text) => text.includes(target)) + 1;
    const found = paths.some((path) => source.test(path));
    return found
      ? []
      : [{ path: manifestPath, line, message: `${target} is promised, but its source is not there` }];
  });
}

function targetsOf(manifest: unknown): string[] {
  const entries =
    typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'exports') : undefined;
  const collect = (node: unknown): string[] => {
    if (typeof node === 'string') return [node];
    return typeof node === 'object' && node !== null ? Object.values(node).flatMap(collect) : [];
  };
  return collect(entries);
}

/** What a path below `dist` is built from; `*` stands for one folder or file. */
function sourceOf(target: string): RegExp | undefined {
  const built = /^\.\/dist\/(.*)\.(?:d\.ts|js)$/.exec(target)?.[1];
  if (built === undefined) return undefined;
  const escaped = built.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]+');
  return new RegExp(`^src/${escaped}\\.ts$`);
}
