import { codeOf, connect } from 'quorate/client';

await using client = await connect({ endpoints: process.argv[2] ?? '127.0.0.1:2379' });

const { revision } = await client.put('fruit/apple', 'green');
await client.put('fruit/apple', 'red');
await client.del('fruit/apple');

let count = 0;
for await (const event of client.watch({ prefix: 'fruit/', fromRevision: revision, previous: true })) {
  console.log(event.type, event.name, event.entry?.text, event.previous?.text);
  if (++count === 3) break;
}

/** Goes on where it was, also after this process was started anew. */
async function follow(prefix: string, bookmark: bigint, signal: AbortSignal): Promise<bigint> {
  for (;;) {
    try {
      const watch = client.watch({ prefix, fromRevision: bookmark + 1n, signal });
      for await (const { revision, events } of watch.changes()) {
        console.log('revision with', events.length, 'events');
        bookmark = revision; // to be stored together with what was made of the events
      }
      return bookmark;
    } catch (error) {
      if (codeOf(error) !== 'compacted') throw error;
      // History is gone: begin with what is there now.
      const present = await client.range({ prefix });
      bookmark = present.revision;
    }
  }
}
const stop = AbortSignal.timeout(3_000);
const following = follow('fruit/', revision, stop);
console.log((await following) > revision);
