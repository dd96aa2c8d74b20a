import { expect, describe as group, test } from 'vitest';
import { checkArrows } from './tidy/arrows.ts';
import { codeText } from './tidy/code-text.ts';
import { checkDocLinks } from './tidy/doc-links.ts';
import { checkExports } from './tidy/exports.ts';
import { describe, rules, type SourceFile, sourceFiles } from './tidy/index.ts';
import { checkPurity } from './tidy/purity.ts';
import { checkLengths, checkMarkers } from './tidy/shape.ts';

const file = (path: string, text: string): SourceFile => ({ path, text });

group('this repository', () => {
  const files = sourceFiles();

  test.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
    expect(rule.check(files).map(describe)).toEqual([]);
  });

  test('holds what the rules are about', () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toContain('src/core/assert.ts');
    expect(paths).toContain('package.json');
    expect(paths.some((path) => path.startsWith('node_modules/'))).toBe(false);
  });
});

group('arrows', () => {
  test.each([
    ['core', 'import { x } from "../machine/a.ts";', 'core must not import machine'],
    ['machine', "import type { X } from '../protocol/index.ts';", 'machine must not import protocol'],
    ['storage', "export * from '../replica/types.ts';", 'storage must not import replica'],
    ['replica', "const m = import('../api/a.ts');", 'replica must not import api'],
    ['client', "import { a } from '../api/etcd/kv.ts';", 'client must not import api'],
    ['client', "import '../storage/disk.ts';", 'client must not import storage'],
    ['simulator', "import {\n  type A,\n  b,\n} from '../cli/a.ts';", 'simulator must not import cli'],
    ['core', "import { a } from '../../scripts/a.ts';", 'outside of src'],
    ['cellar', "import { a } from '../core/a.ts';", 'does not know'],
  ])('%s: %s', (room, text, expected) => {
    expect(checkArrows([file(`src/${room}/a.ts`, text)])[0]?.message).toContain(expected);
  });

  test('downhill, the registry, generated messages and tests are free', () => {
    expect(
      checkArrows([
        file('src/cli/a.ts', "import { a } from '../replica/b.ts';"),
        file('src/client/a.ts', "import { a } from '../api/etcd/gen/rpc.ts';"),
        file('src/protocols/registry.ts', "import { raft } from './raft/index.ts';"),
        file('src/protocols/raft/a.ts', "import { b } from './b.ts';"),
        file('src/core/a.test.ts', "import { a } from '../cli/b.ts';"),
        file(
          'src/core/prose.ts',
          '/** import { a } from "../cli/b.ts" */\nconst said = "import \'../cli/b.ts\'";',
        ),
      ]),
    ).toEqual([]);
  });

  test('a protocol is known to itself and to the registry alone', () => {
    const knowing = [
      file('src/protocols/zab/a.ts', "import { a } from '../raft/a.ts';"),
      file('src/replica/a.ts', "import { a } from '../protocols/raft/index.ts';"),
    ];
    expect(checkArrows(knowing).map(({ path }) => path)).toEqual([
      'src/protocols/zab/a.ts',
      'src/replica/a.ts',
    ]);
  });

  test('files do not import themselves in the end, but types may', () => {
    const cycle = (kind: string): SourceFile[] => [
      file('src/core/a.ts', "import { b } from './b.ts';"),
      file('src/core/b.ts', "import { c } from './c.ts';"),
      file('src/core/c.ts', `import ${kind} { A } from './a.ts';`),
    ];
    expect(checkArrows(cycle(''))[0]?.message).toContain(
      'a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts',
    );
    expect(checkArrows(cycle('type'))).toEqual([]);
  });
});

group('purity', () => {
  test.each([
    ['const t = Date.now();', 'Date'],
    ['const r = Math.random();', 'Math.random'],
    ['const r = Math . log2(8);', 'Math.log2'],
    ['setTimeout(f, 1);', 'setTimeout'],
    ['async function f() {}', 'async'],
    ['const p: Promise<void> = q;', 'Promise'],
    ['process.exit();', 'process'],
    ['const b = Buffer.from(x);', 'Buffer'],
    ['a.localeCompare(b);', '.localeCompare'],
    [`const x = \`\${Date.now()}\`;`, 'Date'],
    ['const g = globalThis;', 'globalThis'],
    ["import fs from 'node:fs';", 'node:fs'],
    ["import { x } from 'lmdb';", 'lmdb'],
  ])('%s', (text, name) => {
    const findings = checkPurity([file('src/machine/a.ts', `\n${text}\n`)]);
    expect(findings.map((finding) => finding.line)).toEqual([2]);
    expect(findings[0]?.message).toContain(`${name} is not for pure code`);
  });

  test('prose, properties, other rooms and tests are free', () => {
    const text = `// the Date, a Promise\nconst said = 'process'; const o = { process: 1, async: 2 }; o.process; /Date/.test(said);`;
    expect(checkPurity([file('src/core/a.ts', text)])).toEqual([]);
    expect(
      checkPurity([file('src/replica/a.ts', 'Date.now()'), file('src/core/a.test.ts', 'Date.now()')]),
    ).toEqual([]);
  });
});

group('code without prose', () => {
  test.each([
    ['a(\'x // y\', "z")', 'a(\'      \', " ")'],
    ['a / b / c // d', 'a / b / c     '],
    ['x = /[/"]"/g; y', 'x = /     /g; y'],
    [`\`a\${b + \`c\${d}\`}e\``, `\` \${b + \` \${d}\`} \``],
    ['a /* b\nc */ d', 'a     \n     d'],
    ["'it\\'s' + b", "'     ' + b"],
  ])('%s', (source, expected) => {
    expect(codeText(source)).toBe(expected);
  });
});

group('shape', () => {
  const lines = (count: number): string => 'x\n'.repeat(count);

  test('long files are found, tests may be longer, generated files as long as they are', () => {
    expect(checkLengths([file('src/core/a.ts', lines(401))])[0]?.message).toContain('401 lines');
    expect(checkLengths([file('src/core/a.test.ts', lines(601))])).toHaveLength(1);
    expect(
      checkLengths([
        file('src/core/a.ts', lines(400)),
        file('src/core/a.test.ts', lines(600)),
        file('src/api/etcd/gen/a.ts', lines(9000)),
      ]),
    ).toEqual([]);
  });

  test('marks of unfinished work are found', () => {
    const text = `one\n// ${'TO'}${'DO'}: later\n// ${'FIX'}${'ME'}\n`;
    expect(checkMarkers([file('docs/a.md', text)]).map((finding) => finding.line)).toEqual([2, 3]);
    expect(checkMarkers([file('docs/a.md', 'TODOS fixme')])).toEqual([]);
  });
});

group('links in documents', () => {
  const target = file(
    'docs/b.md',
    '# One two\n\n## `Code` & more\n\n## One two\n\n```\n# not a heading\n```\n',
  );
  const check = (text: string) =>
    checkDocLinks([file('docs/a.md', text), target], (path) =>
      ['docs/a.md', 'docs/b.md', 'src'].includes(path),
    );

  test.each([
    ['[x](c.md)', 'leads nowhere'],
    ['[x](b.md#three)', 'no such heading'],
    ['[x](b.md#not-a-heading)', 'no such heading'],
    ['[x](#here)', 'no such heading'],
    ['[x](/docs/b.md)', 'relative'],
    ['[x](../../b.md)', 'leads out'],
  ])('%s', (text, expected) => {
    expect(check(`\n${text}\n`)).toEqual([
      { path: 'docs/a.md', line: 2, message: expect.stringContaining(expected) },
    ]);
  });

  test('good ones are good', () => {
    const good =
      '[a](b.md) [b](b.md#one-two-1) [c](b.md#code--more) [d](https://x.org/y) [e](../src) `[f](no.md)`';
    expect(check(good)).toEqual([]);
  });
});

group('exports', () => {
  const manifest = (target: string): SourceFile =>
    file('package.json', JSON.stringify({ exports: { '.': target } }));

  test('a promise without a source is found', () => {
    expect(checkExports([manifest('./dist/a.js')])[0]?.message).toContain('its source is not there');
    expect(checkExports([manifest('./build/a.js')])[0]?.message).toContain('not below dist');
    expect(checkExports([manifest('./dist/p/*/a.js')])).toHaveLength(1);
  });

  test('a promise with a source is kept', () => {
    expect(checkExports([manifest('./dist/a.d.ts'), file('src/a.ts', '')])).toEqual([]);
    expect(checkExports([manifest('./dist/p/*/a.js'), file('src/p/q/a.ts', '')])).toEqual([]);
  });
});
