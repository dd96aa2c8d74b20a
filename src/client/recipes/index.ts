export { type Barrier, barrier } from './barrier.ts';
export { type Attendance, type DoubleBarrier, doubleBarrier } from './double-barrier.ts';
export { type ElectOptions, elect, type Leadership, leader, observe } from './election.ts';
export { type Group, group, type JoinOptions, type Members, type Membership } from './group.ts';
export { type Lock, type LockOptions, lock } from './lock.ts';
export {
  type Endpoint,
  endpoints,
  type RegisterOptions,
  type Registration,
  register,
  watchEndpoints,
} from './naming.ts';
export { type EnqueueOptions, type Queue, queue } from './queue.ts';
