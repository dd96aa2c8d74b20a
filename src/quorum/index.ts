export * from './majority.ts';
