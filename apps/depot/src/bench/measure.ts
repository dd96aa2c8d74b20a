/** Time that something took, s. CPU time counts every thread of the process, so it may exceed the wall clock's. */
export interface Time {
  readonly wallS: number;
  readonly cpuS: number;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ value: T; time: Time }> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const value = await work();
  const wallS = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  return { value, time: { wallS, cpuS: (used.user + used.system) / 1e6 } };
}

/** The run with the median wall-clock time of `runs`. */
export async function medianOf<T>(runs: number, work: () => Promise<T>): Promise<{ value: T; time: Time }> {
  const results: { value: T; time: Time }[] = [];
  for (let run = 0; run < runs; run++) results.push(await timed(work));
  results.sort((a, b) => a.time.wallS - b.time.wallS);
  const middle = results[Math.floor(results.length / 2)];
  if (middle === undefined) throw new RangeError('At least one run is needed');
  return middle;
}
