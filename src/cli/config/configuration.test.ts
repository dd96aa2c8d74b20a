import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandFailure } from '../exit-codes.ts';
import { Configuration, type ConfigurationInputs } from './configuration.ts';
import { settings } from './settings.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const yaml = (content: string): string => {
  const file = path.join(directory, 'quorate.yaml');
  writeFileSync(file, content);
  return file;
};

const configure = (inputs: Partial<ConfigurationInputs>): Configuration =>
  new Configuration(['client'], { flags: {}, env: {}, file: undefined, ...inputs });

const failureOf = (make: () => unknown): CommandFailure => {
  try {
    make();
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error('expected a failure');
};

describe('precedence', () => {
  const flags = { timeout: '1s' };
  const env = { QUORATE_TIMEOUT: '2s' };

  test('flag over environment over file over default', () => {
    const file = yaml('timeout: 3s\n');
    const located = (inputs: Partial<ConfigurationInputs>) => {
      const configuration = configure(inputs);
      return [configuration.required(settings.timeout), configuration.located(settings.timeout)?.source];
    };
    expect(located({ flags, env, file })).toEqual([1000, 'flag']);
    expect(located({ env, file })).toEqual([2000, 'environment']);
    expect(located({ file })).toEqual([3000, 'file']);
    expect(located({})).toEqual([5000, 'default']);
  });

  test('an empty variable counts as unset', () => {
    expect(configure({ env: { QUORATE_TIMEOUT: '' } }).required(settings.timeout)).toBe(5000);
  });

  test('a value equal to the default is still chosen', () => {
    expect(configure({ flags: { timeout: '5s' } }).isChosen(settings.timeout)).toBe(true);
    expect(configure({}).isChosen(settings.timeout)).toBe(false);
  });
});

describe('the file', () => {
  test('scalars are taken as they are written, lists are joined, keys of other commands are let be', () => {
    const file = yaml('endpoints: [10.0.0.1:2379, 10.0.0.2:2379]\nport: 0017\nname: n1\n');
    const configuration = configure({ file });
    expect(configuration.required(settings.endpoints)).toHaveLength(2);
    expect(configuration.located(settings.endpoints)?.text).toBe('10.0.0.1:2379,10.0.0.2:2379');
  });

  test('an empty file is no mistake', () => {
    expect(configure({ file: yaml('# nothing\n') }).required(settings.timeout)).toBe(5000);
  });

  test.each([
    ['timout: 1s', 'timout is not a setting: did you mean timeout?'],
    ['initial-cluster: n1=a:1', 'use --cluster'],
    ['constructor: x', 'constructor is not a setting'],
    ['timeout: soon', 'timeout: "soon" is not a duration'],
    ['timeout: {a: b}', 'timeout must be one value or a list'],
    ['- a\n- b', 'must hold "setting: value" lines'],
    ['timeout: [1s', 'line 1, column 13.'],
    ['timeout: 1s\ntimeout: 2s', 'is not YAML'],
  ])('%s', (content, expected) => {
    const failure = failureOf(() => configure({ file: yaml(content) }));
    expect(failure.message).toContain(expected);
    expect(failure.exitCode).toBe(2);
  });

  test('a file that is not there', () => {
    const failure = failureOf(() => configure({ file: path.join(directory, 'missing.yaml') }));
    expect(failure.message).toContain('cannot be read');
    expect(failure.exitCode).toBe(2);
  });
});

describe('the environment', () => {
  test('a malformed value names the variable', () => {
    const failure = failureOf(() => configure({ env: { QUORATE_ENDPOINTS: 'here' } }));
    expect(failure.message).toMatch(/^QUORATE_ENDPOINTS: .*has no port/);
  });

  test('a variable that is nearly a setting is warned about, those of Kubernetes are not', () => {
    const { warnings } = configure({
      env: {
        QUORATE_TIMEOUTS: '1s',
        QUORATE_HOME: '/opt/quorate',
        QUORATE_SERVICE_HOST: '10.0.0.1',
        QUORATE_PORT: 'tcp://10.0.0.1:2379',
        QUORATE_PORT_2379_TCP: 'tcp://10.0.0.1:2379',
        HOME: '/root',
      },
    });
    expect(warnings).toEqual([
      expect.stringContaining('did you mean QUORATE_TIMEOUT?'),
      'QUORATE_HOME in the environment is not a setting.',
    ]);
  });

  test('what Kubernetes calls QUORATE_PORT is not a port', () => {
    const inputs = { flags: {}, env: { QUORATE_PORT: 'tcp://10.0.0.1:2379' }, file: undefined };
    expect(new Configuration(['start'], inputs).required(settings.port)).toBe(2379);
  });
});

test('a setting that is needed and missing says every way to give it', () => {
  const configuration = new Configuration(['serve'], { flags: {}, env: {}, file: undefined });
  const failure = failureOf(() => configuration.required(settings.dataDir));
  expect(failure.message).toContain('--data-dir DIR');
  expect(failure.message).toContain('QUORATE_DATA_DIR');
  expect(failure.exitCode).toBe(2);
});
