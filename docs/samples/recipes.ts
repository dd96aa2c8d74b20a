import { connect } from 'quorate/client';

await using client = await connect({ endpoints: process.argv[2] ?? '127.0.0.1:2379' });

const queue = client.queue('jobs');
await queue.enqueue('sweep the floor');
await queue.enqueue('put out the fire', { priority: 0 });
console.log((await queue.dequeue()).text);
console.log((await queue.dequeue()).text);

const barrier = client.barrier('deployed');
await barrier.close();
setTimeout(() => void barrier.open(), 50);
await barrier.wait();
console.log('open');

const race = client.doubleBarrier('race', 2);
await Promise.all(
  ['hare', 'tortoise'].map(async () => {
    const attendance = await race.enter({ ttl: 10 });
    await attendance.leave();
  }),
);
console.log('both are home');

const crew = client.group('crew');
await using _amy = await crew.join('amy', 'captain');
await using _bob = await crew.join('bob', 'cook');
for (const [name, { text }] of await crew.members()) console.log(name, text);

await using _web = await client.register('web', '10.0.0.1:80', { metadata: { zone: 'north' } });
console.log(await client.endpoints('web'));
for await (const endpoints of client.watchEndpoints('web')) {
  console.log(endpoints.length);
  break;
}
