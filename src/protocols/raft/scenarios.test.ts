import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../../protocol/scenario.ts';
import { describeMessage } from './messages.ts';
import { RaftRehearsal } from './rehearsal.ts';

const directory = join(import.meta.dirname, 'scenarios');
const rewrite = process.env['UPDATE_SCENARIOS'] === '1';

/** UPDATE_SCENARIOS=1 writes down what happens now. Commit that only when you understand what changed. */
describe('scenarios', () => {
  test.each(readdirSync(directory).sort())('%s', (file) => {
    const path = join(directory, file);
    const text = readFileSync(path, 'utf8');
    const now = runScenario(
      text,
      describeMessage,
      (replicas, observer, spares) => new RaftRehearsal(replicas, { observer, spares }),
    );
    if (rewrite) writeFileSync(path, now);
    else expect(now).toBe(text);
  });
});
