import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import { refusalsTo } from './refusals.ts';

const warning = 40;
const debug = 20;

test('the same refusal again is a detail, another one is a warning', () => {
  const lines: string[] = [];
  const tell = refusalsTo(createLogger('n1', 'debug', { write: (line) => lines.push(String(line)) }));
  tell('10.0.0.1', 'no TLS');
  tell('10.0.0.1', 'no TLS');
  tell('10.0.0.1', 'nothing was sent');
  tell('10.0.0.2', 'nothing was sent');
  tell('10.0.0.2', 'nothing was sent');
  const told = lines.map((line) => JSON.parse(line) as { level: number; remote: string; reason: string });
  expect(told.map(({ level }) => level)).toEqual([warning, debug, warning, warning, debug]);
  expect(told[3]).toMatchObject({ remote: '10.0.0.2', reason: 'nothing was sent' });
});
