import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commandsPage, renderCommands } from './commands-docs.ts';

it('is what docs/reference/commands.md says; run `npm run docs` after a change', () => {
  expect(readFileSync(commandsPage, 'utf8')).toBe(renderCommands());
});

it('shows every command with an example', () => {
  const sections = renderCommands().split('\n## ').slice(1, -2);
  expect(sections.length).toBeGreaterThan(40);
  for (const section of sections) expect(section).toContain('Examples:');
});
