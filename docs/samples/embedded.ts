import { embedded } from 'quorate/embedded';
import { keySpace } from 'quorate/machine';
import { Replica } from 'quorate/replica';

await using replica = await Replica.open({ machine: keySpace, dataDir: './embedded-data' });
await replica.ready();
await using client = embedded(replica);

await using lock = await client.lock('one at a time');
await client.put('greeting', 'hello from within');
console.log((await client.get('greeting'))?.text, lock.lost.aborted);
