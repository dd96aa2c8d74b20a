/** Embeds a replica: see docs/embedding.md. The subpaths of the package hold the parts. */
export * from './machine/index.ts';
export * from './replica/index.ts';
