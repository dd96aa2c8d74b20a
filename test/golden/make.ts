import { execute, goldenCommands, openGolden, stop } from './data-directory.ts';

/** Run once for a release: `npx tsx test/golden/make.ts test/golden/data/<version>`; what it makes is never changed again. */
const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('name the directory to make');
const first = await openGolden(directory);
for (const command of goldenCommands) await execute(first, command);
await stop(first);
// A second life, so that the journal holds records behind the flushed state, and more than one start.
const second = await openGolden(directory);
for (const command of goldenCommands) await execute(second, command);
process.exit(0);
