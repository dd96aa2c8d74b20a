import { connect } from 'quorate/client';

await using client = await connect({ endpoints: process.argv[2] ?? '127.0.0.1:2379' });

const stop = new AbortController();
const observing = (async () => {
  for await (const leader of client.observe('scheduler', { signal: stop.signal })) {
    console.log('leader:', leader?.text);
    if (leader?.text === '10.0.0.1:80, ready') stop.abort();
  }
})();

await using leadership = await client.elect('scheduler', '10.0.0.1:80');
await leadership.proclaim('10.0.0.1:80, ready');
console.log('still leading:', !leadership.lost.aborted);
await observing;
