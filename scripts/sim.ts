import { runSimulator } from '../src/simulator/runner.ts';
import { simulate } from '../src/simulator/simulate.ts';

process.exitCode = runSimulator(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  elapsedMs: () => performance.now(),
  simulate,
});
