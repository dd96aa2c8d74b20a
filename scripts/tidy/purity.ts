import { codeText } from './code-text.ts';
import { importsOf } from './imports.ts';
import { type Finding, isTest, isTypeScript, lineOf, type SourceFile } from './source-files.ts';

const pureRooms = ['core', 'quorum', 'protocol', 'protocols', 'machine'].map((room) => `src/${room}/`);

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
}

const globalName = (names: string): RegExp => new RegExp(`(?<![.\\w$#])(?:${names})\\b(?!\\s*\\??:)`, 'g');

const bans: readonly Ban[] = [
  { pattern: globalName('Date|performance'), instead: 'time is an input: use the `now` that is handed in' },
  { pattern: /\bMath\s*\.\s*random\b/g, instead: 'draw from a Random of core/random.ts that is handed in' },
  {
    pattern: /\bMath\s*\.\s*(?:a?sinh?|a?cosh?|a?tanh?|atan2|cbrt|expm?1?|hypot|log(?:1p|2|10)?|pow|sqrt)\b/g,
    instead: 'its bits differ between engines: use integer arithmetic',
  },
  {
    pattern: globalName('(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask'),
    instead: 'there are no timers here: answer `nextDeadline()` and wait for the next step',
  },
  {
    pattern: globalName('Promise|async|await'),
    instead: 'this code is synchronous: return an effect and take its outcome as an input',
  },
  {
    pattern: globalName('process|console'),
    instead: 'the host owns the process: return an effect, such as `trace`',
  },
  { pattern: globalName('Buffer'), instead: 'use Uint8Array and core/bytes.ts' },
  {
    pattern: globalName('crypto'),
    instead: 'hashing and signing are injected, randomness comes from core/random.ts',
  },
  { pattern: globalName('globalThis|eval|Function|require'), instead: 'say by an import what is used' },
  {
    pattern: globalName('WeakRef|FinalizationRegistry'),
    instead: 'nothing may depend on when garbage is collected',
  },
  {
    pattern: /\.\s*(?:localeCompare|toLocale\w*)\b|(?<![.\w$#])Intl\b/g,
    instead: 'its answer depends on the machine: compare with core/bytes.ts or plain operators',
  },
];

/** The rooms that must give the same answer on every machine, and in a browser, touch nothing but their arguments. */
export function checkPurity(files: readonly SourceFile[]): Finding[] {
  const pure = files.filter(
    (file) => isTypeScript(file) && !isTest(file) && pureRooms.some((room) => file.path.startsWith(room)),
  );
  return pure.flatMap((file) => [...checkWords(file), ...checkImports(file)]);
}

function checkWords(file: SourceFile): Finding[] {
  const code = codeText(file.text);
  return bans.flatMap(({ pattern, instead }) =>
    [...code.matchAll(pattern)].map((match) => ({
      path: file.path,
      line: lineOf(code, match.index),
      message: `${match[0].replaceAll(/\s/g, '')} is not for pure code: ${instead}`,
    })),
  );
}

function checkImports(file: SourceFile): Finding[] {
  return importsOf(file)
    .filter((each) => each.target === undefined)
    .map((each) => ({
      path: file.path,
      line: each.line,
      message: `${each.specifier} is not for pure code: import nothing but our own pure rooms`,
    }));
}
