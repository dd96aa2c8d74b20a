import { parseArgs } from 'node:util';
import { foreignProgram } from '../../test/support/foreign.ts';
import { Arena } from './arena.ts';

const usage = `Usage: npx tsx conformance/differential/main.ts [--programs N] [--seed N]

Sends the same random programs to a process of etcd and to one of ours, and compares all that they say. Needs a build
("npm run build"). docs/etcd-differences.md lists the differences that are meant to be.
`;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const whole = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { programs: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
  });
  const [programs, seed] = [whole(values.programs), whole(values.seed)];
  if (programs === undefined || seed === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const etcd = foreignProgram('etcd');
  if (etcd === undefined) return 2;
  await using arena = await Arena.open(etcd);
  const began = performance.now();
  const outcome = await arena.compare(programs, seed, (done) => {
    if (done % 500 === 0) print(`${done} programs`);
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  print(`${outcome.programs} programs, ${outcome.steps} steps, ${seconds} s, seed ${seed}`);
  for (const [name, times] of outcome.met) print(`listed, met ${times} times: ${name}`);
  print(outcome.difference ?? 'no other difference');
  return outcome.difference === undefined ? 0 : 1;
}

process.exitCode = await main();
