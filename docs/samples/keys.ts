import { codeOf, connect, op, when } from 'quorate/client';

await using client = await connect({ endpoints: process.argv[2] ?? '127.0.0.1:2379' });

await client.put('config/mode', 'on');
const entry = await client.get('config/mode');
console.log(entry?.text, entry?.version);
console.log(await client.get('config/nothing'));

/** Counts up, whoever else does at the same time. */
async function increment(key: string): Promise<number> {
  for (;;) {
    const entry = await client.get(key);
    const next = Number(entry?.text ?? 0) + 1;
    try {
      await client.put(key, String(next), { ifRevision: entry?.modRevision ?? 0n });
      return next;
    } catch (error) {
      if (codeOf(error) !== 'revisionMismatch') throw error;
    }
  }
}
await Promise.all([increment('visits'), increment('visits'), increment('visits')]);
console.log((await client.get('visits'))?.text);

const moved = await client.txn({
  if: [when.exists('config/mode'), when.missing('config/old-mode')],
  do: [op.put('config/old-mode', 'on'), op.del('config/mode')],
  else: [op.get('config/mode'), op.range({ prefix: 'config/' })],
});
if (moved.succeeded) {
  const [, deletion] = moved.results;
  console.log('moved', deletion.deleted);
} else {
  const [mode, all] = moved.results;
  console.log('left alone', mode?.text, all.count);
}

for await (const { name, text } of client.scan({ prefix: 'config/' })) console.log(name, text);
