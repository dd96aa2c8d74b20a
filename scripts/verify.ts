import { spawnSync } from 'node:child_process';
import { describe, rules, sourceFiles } from './tidy/index.ts';
import { repositoryRoot } from './tidy/source-files.ts';

/** Checks everything that can be checked without running the product, and writes nothing. */
function verify(): boolean {
  const files = sourceFiles();
  const outcomes = [
    runTool('types', ['tsc', '-p', 'tsconfig.json']),
    runTool('lint', ['biome', 'check', '--error-on-warnings']),
    ...rules.map((rule) => report(rule.name, rule.check(files).map(describe))),
  ];
  return outcomes.every((passed) => passed);
}

function runTool(name: string, command: readonly string[]): boolean {
  const { status, stdout, stderr, error } = spawnSync('npx', ['--no-install', ...command], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  if (error !== undefined) return report(name, [error.message]);
  return report(name, status === 0 ? [] : [stdout.trim(), stderr.trim()].filter((text) => text !== ''));
}

function report(name: string, problems: readonly string[]): boolean {
  const passed = problems.length === 0;
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'}  ${name}\n`);
  for (const problem of problems) process.stdout.write(`${problem.replace(/^/gm, '        ')}\n`);
  return passed;
}

process.exitCode = verify() ? 0 : 1;
