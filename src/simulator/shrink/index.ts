export type { Performance } from './act.ts';
export { diagramPage, drawDiagram } from './diagram.ts';
export { scenarioOf, traceOf } from './report.ts';
export type { LeftOut } from './schedule.ts';
export { type Shrunk, shrink } from './shrink.ts';
