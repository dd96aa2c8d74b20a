import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Member } from './cluster.ts';

export interface Accident {
  readonly name: string;
  happen(): Promise<void>;
}

/** Everything that happens to processes, once each; afterwards all of them run again, or will within moments. */
export const accidentsOf = (cluster: Cluster): readonly Accident[] => [
  { name: 'kill -9 of the leader', happen: async () => killed([await cluster.leader()]) },
  { name: 'kill -9 of a follower', happen: async () => killed([await cluster.follower()]) },
  { name: 'SIGSTOP of the leader', happen: async () => paused(await cluster.leader()) },
  { name: 'SIGSTOP of a follower', happen: async () => paused(await cluster.follower()) },
  { name: 'SIGTERM of the leader', happen: async () => stopped(await cluster.leader()) },
  { name: 'kill -9 of all', happen: () => killed(cluster.members) },
];

async function killed(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => member.kill()));
  await pause(500);
  for (const member of members) member.start();
  await Promise.all(members.map((member) => member.serving()));
}

/** Longer than an election takes: it wakes up as one who believes what is no longer so. */
async function paused(member: Member): Promise<void> {
  member.pause();
  await pause(2_500);
  member.resume();
}

async function stopped(member: Member): Promise<void> {
  await member.stop();
  member.start();
  await member.serving();
}
