import { Worker } from 'node:worker_threads';

/** Starts the module at `source`, named as in the sources, in a thread; built files lie beside one another as sources do. */
export function startThread(source: URL): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL(source.href.replace(/\.ts$/, '.js')));
  // A thread of Node 20 does not inherit the loader of TypeScript, nor take it from --import: it has to load it itself.
  const loader = import.meta.resolve('tsx/esm/api');
  const bootstrap = `import('${loader}').then(({ register }) => { register(); return import('${source.href}'); });`;
  return new Worker(bootstrap, { eval: true });
}
