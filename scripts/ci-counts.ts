import { existsSync, readFileSync } from 'node:fs';

/**
 * Prints `N passed, N failed` as the last line of a run: the tests of vitest's JSON report, and each further step given
 * as NAME=EXIT-CODE. Ends with 1 when anything failed.
 */
function counts(report: string, steps: readonly string[]): { passed: number; failed: number } {
  const failedSteps = steps.filter((step) => !step.endsWith('=0'));
  for (const step of failedSteps) process.stdout.write(`failed: ${step}\n`);
  const tests = testCounts(report);
  return {
    passed: tests.passed + steps.length - failedSteps.length,
    failed: tests.failed + failedSteps.length,
  };
}

function testCounts(report: string): { passed: number; failed: number } {
  if (!existsSync(report)) {
    process.stdout.write('failed: the tests left no report\n');
    return { passed: 0, failed: 1 };
  }
  const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that cannot be loaded fails the run without a failed test.
  const failed = Number(numFailedTests) || (success === true ? 0 : 1);
  return { passed: Number(numPassedTests), failed };
}

const [report = '', ...steps] = process.argv.slice(2);
const { passed, failed } = counts(report, steps);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
