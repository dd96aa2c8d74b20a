import { connect, op } from 'quorate/client';

await using client = await connect({ endpoints: process.argv[2] ?? '127.0.0.1:2379' });

{
  await using lock = await client.lock('reports', { ttl: 10, signal: AbortSignal.timeout(60_000) });
  console.log('held', lock.fence > 0n);

  // Work that can be given up takes `lost` as its signal.
  const answer = await writeReport(lock.lost);

  // What is written to the same store is safe even if this process was stopped for an hour.
  const { succeeded } = await client.txn({ if: [lock.condition], do: [op.put('report', answer)] });
  console.log('written', succeeded);
}
console.log((await client.range({ prefix: 'reports/' })).count);

async function writeReport(signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return 'all is well';
}
