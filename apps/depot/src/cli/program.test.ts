import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'depot-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function depot(...args: string[]): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const code = await run(args, {
    stdout: { write: (chunk) => (stdout += chunk) },
    stderr: { write: (chunk) => (stderr += chunk) },
    directory,
  });
  return { code, stdout, stderr };
}

const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

async function scenario(name: string, vehicles: string): Promise<string> {
  expect(await depot('generate', '--seed', '7', '--vehicles', vehicles, '--out', name)).toMatchObject({
    code: 0,
  });
  return name;
}

describe('generate', () => {
  it('writes the same scenario for the same seed, to a file or to stdout', async () => {
    const name = await scenario('a/scenario.json', '5');
    const { code, stdout } = await depot('generate', '--seed', '7', '--vehicles', '5');
    expect(code).toBe(0);
    expect(stdout).toBe(read(name));
    expect(JSON.parse(stdout).processes).toHaveLength(5);
  });

  it('imports every sample', async () => {
    const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
    const series = [
      '--prices',
      sample('prices.csv'),
      '--time-zone',
      'Europe/Berlin',
      '--pv',
      sample('pv.csv'),
    ];
    for (const [args, stays] of [
      [['--acn', sample('acn-sessions.json'), '--grid-kw', '20', '--walk-in'], 8],
      [['--spice-ev', sample('spice-ev.json')], 4],
      [['--specification', sample('specification.json')], 16],
      [['--vehicles', '3', '--start', '2025-10-25T12:00:00+02:00', '--fees', '0.08', ...series], 3],
    ] as const) {
      const { code, stdout, stderr } = await depot('generate', ...args);
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout).processes).toHaveLength(stays);
    }
  });

  it('reads files with a byte order mark', async () => {
    const sample = new URL('../../samples/specification.json', import.meta.url);
    const prices = new URL('../../samples/prices.csv', import.meta.url);
    writeFileSync(join(directory, 'marked.json'), `\uFEFF${readFileSync(sample, 'utf8')}`);
    writeFileSync(join(directory, 'marked.csv'), `\uFEFF${readFileSync(prices, 'utf8')}`);
    expect(await depot('generate', '--specification', 'marked.json')).toMatchObject({ code: 0 });
    const day = ['--start', '2025-10-25T12:00:00+02:00', '--time-zone', 'Europe/Berlin'];
    expect(await depot('generate', '--prices', 'marked.csv', ...day)).toMatchObject({ code: 0 });
  });

  it('refuses two sources, and files that are not there or not what they should be', async () => {
    writeFileSync(join(directory, 'broken.json'), '{');
    writeFileSync(join(directory, 'list.json'), '[]');
    expect(await depot('generate', '--acn', 'x', '--spice-ev', 'y')).toMatchObject({ code: 2 });
    for (const [args, message] of [
      [['--acn', 'missing.json'], 'missing.json cannot be read'],
      [['--acn', 'broken.json'], 'broken.json is not JSON'],
      [['--acn', 'list.json'], 'has no sessions'],
      [['--specification', 'list.json'], 'must be an object'],
      [['--vehicles', '900', '--steps', '8'], 'find one of 900 EVSEs'],
    ] as const) {
      const { code, stdout, stderr } = await depot('generate', ...args);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain(message);
    }
  });
});

describe('plan', () => {
  it('writes a table, with progress on stderr only', async () => {
    const { code, stdout, stderr } = await depot('plan', await scenario('p.json', '5'), '--strategy', 'edf');
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(/^VEHICLE +EVSE +ARRIVES/);
    expect(stdout).toMatch(/^edf: [\d.]+ kWh delivered/m);
    expect(stderr).toMatch(/^edf \d+ %$/m);
    expect(stdout).not.toContain('%');
  });

  it('writes JSON that holds the whole plan, and figures', async () => {
    const name = await scenario('p.json', '5');
    const { stdout, stderr } = await depot('plan', name, '--output', 'json', '--figures', 'figures');
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({ format: 'quorate-depot-plan/1', strategy: 'planning', stepSeconds: 900 });
    expect(plan.processes).toHaveLength(5);
    expect(plan.processes[0].powerKw).toHaveLength(96);
    expect(plan.processes[0].energyKwh).toHaveLength(97);
    expect(readdirSync(join(directory, 'figures')).sort()).toEqual([
      'energy.svg',
      'power.svg',
      'topology.svg',
      'vehicle',
      'vehicles.svg',
    ]);
    expect(stderr).toContain('9 figures are in figures');
    expect(read('figures/power.svg')).toMatch(/^<svg /);
  });

  it('refuses an invalid scenario with every mistake and its place', async () => {
    const content = JSON.parse(read(await scenario('p.json', '2')));
    content.processes[0].needs.maximumChargeKw = -1;
    content.processes[1].evse = 'nowhere';
    content.topology.nodes[0].capacity.importKw = null;
    writeFileSync(join(directory, 'bad.json'), JSON.stringify(content));
    const { code, stdout, stderr } = await depot('plan', 'bad.json');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('bad.json is not a valid scenario. Nothing was planned.');
    expect(stderr).toContain('processes[0].needs.maximumChargeKw: must be at least 0, is -1');
    expect(stderr).toContain('topology.nodes[0].capacity.importKw: must be a finite number');
  });
});

describe('figures that cannot be written', () => {
  it.each(['plan', 'compare', 'simulate'])('are refused by %s before the work', async (command) => {
    const name = await scenario('f.json', '3');
    writeFileSync(join(directory, 'taken'), '');
    const { code, stdout, stderr } = await depot(command, name, '--figures', 'taken/figures');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^depot: Figures cannot be written into taken\/figures: .*Nothing was done\.$/m);
    expect(stderr).not.toContain('%');
  });

  it.runIf(process.platform === 'linux')('are refused in a file system that takes none', async () => {
    const name = await scenario('f.json', '3');
    const { code, stderr } = await depot('plan', name, '--figures', '/proc/none/figures');
    expect(code).toBe(1);
    expect(stderr).toContain('Nothing was done.');
  });
});

describe('stays that are announced later', () => {
  it('are named as left out', async () => {
    const name = await scenario('walk-in.json', '3');
    const content = JSON.parse(read(name));
    for (const process of content.processes.slice(0, 2)) process.announcedS = 60;
    writeFileSync(join(directory, name), JSON.stringify(content));
    for (const args of [
      ['plan', name, '--strategy', 'edf'],
      ['compare', name, '--strategies', 'edf'],
    ]) {
      const { code, stderr } = await depot(...args);
      expect(code).toBe(0);
      expect(stderr).toContain('2 stays are not announced yet at the start, and left out.');
    }
  });
});

describe('compare', () => {
  it('has a row for the optimum, each strategy, and no management', async () => {
    const name = await scenario('c.json', '4');
    const { code, stdout } = await depot(
      'compare',
      name,
      '--strategies',
      'planning,edf',
      '--figures',
      'compared',
    );
    expect(code).toBe(0);
    const [table = '', proof] = stdout.trim().split('\n\n');
    expect(proof).toBe('The optimum is proved.');
    const rows = table.split('\n');
    expect(rows.map((row) => row.split(' ')[0])).toEqual(['STRATEGY', 'optimum', 'planning', 'edf', 'none']);
    expect(readdirSync(join(directory, 'compared'))).toContain('comparison.svg');
    const json = JSON.parse((await depot('compare', name, '--strategies', 'edf', '--output', 'json')).stdout);
    const ratios = {
      energyRatio: expect.any(Number),
      peakRatio: expect.any(Number),
      runRatio: expect.any(Number),
    };
    expect(json.strategies[0]).toMatchObject({ name: 'edf', unmetRatio: null, ...ratios });
    expect(json.optimum.energyRatio).toBe(1);
  });
});

describe('simulate', () => {
  it('shows a day for which no plan was ready in time, and fails', async () => {
    const name = await scenario('late.json', '3');
    const flags = ['--plan-latency', '90s', '--plan-deadline', '60s', '--replan', '2h', '--strategy', 'edf'];
    const { code, stdout, stderr } = await depot('simulate', name, ...flags);
    expect(code).toBe(1);
    expect(stdout).toContain('0 plans');
    expect(stderr).toContain('all were late');
  });

  it('tells the story of a day', async () => {
    const name = await scenario('s.json', '5');
    const { code, stdout, stderr } = await depot('simulate', name, '--strategy', 'llf', '--replan', '1h');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d {2}V1 arrives at /m);
    expect(stdout).toContain('grid is limited to');
    expect(stdout).toMatch(/^\d+ plans, 0 late, 0 failed$/m);
    expect(stdout).toContain('no capacity was exceeded at any time');
    expect(stderr).toContain('simulating 100 %');
  });

  it('writes JSON and figures', async () => {
    const name = await scenario('s.json', '5');
    const flags = ['--strategy', 'edf', '--replan', 'events', '--taper', '0.8:0.1', '--figures', 'day'];
    const { stdout } = await depot('simulate', name, '--output', 'json', ...flags);
    const day = JSON.parse(stdout);
    expect(day.format).toBe('quorate-depot-day/1');
    expect(day.edgesS).toHaveLength(day.gridKw.length + 1);
    expect(readdirSync(join(directory, 'day'))).toContain('power.svg');
    expect(read('day/topology.svg')).toContain('simulated day with edf');
  });

  it('lets another strategy take over', async () => {
    const name = await scenario('s.json', '5');
    const flags = ['--strategy', 'edf', '--replan', 'events', '--switch', '22:00=fcfs'];
    const { code, stdout } = await depot('simulate', name, ...flags);
    expect(code).toBe(0);
    expect(stdout).toContain('22:00  the strategy is fcfs from now on');
    expect(stdout).toContain('edf, then fcfs: ');
    const short = await depot('generate', '--vehicles', '3', '--steps', '80', '--out', 'short.json');
    expect(short.code).toBe(0);
    expect(await depot('simulate', 'short.json', '--switch', '11:59=fcfs')).toMatchObject({ code: 2 });
  });

  it('tells once of plans that are late all day', async () => {
    const name = await scenario('late.json', '3');
    const flags = ['--plan-latency', '90s', '--plan-deadline', '60s', '--replan', '2h', '--strategy', 'edf'];
    const { stdout } = await depot('simulate', name, ...flags);
    expect(stdout.match(/a plan was not ready in time/g)).toHaveLength(1);
    expect(stdout).toMatch(/\(the first of \d+ times\)/);
  });
});

describe('usage', () => {
  it.each([
    [['plan']],
    [['plan', 'a.json', '--strategy', 'best']],
    [['plan', 'a.json', '--output', 'xml']],
    [['plan', 'a.json', '--nonsense']],
    [['simulate', 'a.json', '--replan', '5 minutes']],
    [['simulate', 'a.json', '--taper', '1:0']],
    [['simulate', 'a.json', '--switch', '25:00=edf']],
    [['simulate', 'a.json', '--switch', '12:00=best']],
    [['compare', 'a.json', '--strategies', 'edf,best']],
    [['generate', '--vehicles', '1.5']],
    [['generate', '--vehicles', '0']],
    [['generate', '--departures', 'later']],
    [['generate', '--acn', 'a.json', '--vehicles', '3']],
    [['generate', '--acn', 'a.json', '--connector', 'GC1']],
    [['generate', '--spice-ev', 'a.json', '--steps', '8']],
    [['generate', '--spice-ev', 'a.json', '--seed', '1']],
    [['generate', '--walk-in']],
    [['generate', '--fees', '0.1']],
    [['generate', '--time-zone', 'Europe/Berlin']],
    [['generate', '--prices', 'a.csv', '--pv-column', 'kW']],
    [['nonsense']],
    [[]],
  ])('is explained with exit code 2: %j', async (args) => {
    const { code, stdout, stderr } = await depot(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
  });

  it('is taught by help, with examples', async () => {
    for (const command of ['generate', 'plan', 'compare', 'simulate']) {
      const { code, stdout } = await depot(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`npm run depot -- ${command}`);
    }
    const { stdout: simulate } = await depot('simulate', '--help');
    expect(simulate.replaceAll(/\s+/g, ' ')).toContain('(default: 5m)');
    expect(simulate).toContain('(default: 60s)');
    for (const command of ['generate', 'plan', 'compare', 'simulate'])
      expect((await depot(command, '--help')).stdout).not.toMatch(/default: [^)]*["{[]/);
    expect((await depot('--help')).stdout).toContain(
      'Exit codes: 0 done; 1 refused or failed; 2 wrong usage',
    );
  });
});
