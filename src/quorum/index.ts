export * from './joint.ts';
export * from './majority.ts';
