import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../model/scenario.ts';
import { type AcnOptions, importAcnData } from './acn-data.ts';
import type { Imported } from './imported.ts';
import { importPrices, importPv } from './prices.ts';
import { importSpiceEv } from './spice-ev.ts';

const sample = (name: string): string =>
  readFileSync(new URL(`../../../samples/${name}`, import.meta.url), 'utf8');

function value<T>(imported: Imported<T>): T {
  if (imported.type === 'invalid') throw new Error(JSON.stringify(imported.findings));
  return imported.value;
}

const messages = (imported: Imported<unknown>): string[] =>
  imported.type === 'invalid' ? imported.findings.map(({ path, message }) => `${path} ${message}`) : [];

describe('ACN-Data', () => {
  const options: AcnOptions = {
    name: 'acn',
    start: '2025-10-23T12:00:00Z',
    stepSeconds: 900,
    steps: 96,
    evseKw: 6.656,
    gridKw: 20,
    departure: 'actual',
    announced: 'ahead',
  };
  const sessions = JSON.parse(sample('acn-sessions.json'));
  const session = {
    sessionID: 'a',
    stationID: 'S',
    connectionTime: 'Thu, 23 Oct 2025 15:00:00 GMT',
    disconnectTime: 'Thu, 23 Oct 2025 17:30:00 GMT',
    kWhDelivered: 9,
    userInputs: null,
  };

  it('makes one EVSE for each station and one stay for each session', () => {
    const scenario = value(importAcnData(sessions, options));
    expect(scenario.processes).toHaveLength(8);
    expect(scenario.topology.nodes.filter(({ type }) => type === 'evse')).toHaveLength(6);
    expect(scenario.processes[0]).toMatchObject({
      evse: 'S-01/evse',
      arrivalS: 3.2 * 3600,
      departureS: 11.9 * 3600,
      needs: { targetEnergyRequestKwh: 22, maximumChargeKw: 6.656 },
    });
  });

  it('takes the energy delivered where the driver said nothing, and the last thing said otherwise', () => {
    const said = [{ kWhRequested: 20 }, { kWhRequested: 11 }];
    const list = [session, { ...session, sessionID: 'b', stationID: 'T', userInputs: said }];
    const scenario = value(importAcnData(list, options));
    expect(scenario.processes.map(({ needs }) => needs.targetEnergyRequestKwh)).toEqual([9, 11]);
  });

  it('plans with the departure that the driver said, and lets him leave when he did', () => {
    const said = { ...session, userInputs: [{ requestedDeparture: 'Thu, 23 Oct 2025 18:00:00 GMT' }] };
    const scenario = value(
      importAcnData([said], { ...options, departure: 'requested', announced: 'at arrival' }),
    );
    expect(scenario.processes[0]).toMatchObject({ departureS: 6 * 3600, announcedS: 3 * 3600 });
    expect(scenario.events).toEqual([{ type: 'departure', atS: 5.5 * 3600, process: 'a' }]);
  });

  it('does not let what a driver said reach into the next session', () => {
    const said = { ...session, userInputs: [{ requestedDeparture: 'Thu, 23 Oct 2025 22:00:00 GMT' }] };
    const next = {
      ...session,
      sessionID: 'b',
      connectionTime: 'Thu, 23 Oct 2025 18:00:00 GMT',
      disconnectTime: 'Thu, 23 Oct 2025 19:00:00 GMT',
    };
    const scenario = value(importAcnData([said, next], { ...options, departure: 'requested' }));
    expect(scenario.processes[0]?.departureS).toBe(6 * 3600);
  });

  it('says how many sessions lie outside', () => {
    const imported = importAcnData(sessions, { ...options, steps: 32 });
    expect(imported).toMatchObject({
      type: 'imported',
      notes: [expect.stringMatching(/^\d of 8 sessions are not wholly inside/)],
    });
  });

  it.each([
    [[{ ...session, connectionTime: 'yesterday' }], '[0].connectionTime must be a time such as'],
    [
      [{ ...session, connectionTime: 'Thu, 30 Feb 2025 15:00:00 GMT' }],
      '[0].connectionTime must be a time such as',
    ],
    [[{ ...session, disconnectTime: session.connectionTime }], '[0].disconnectTime must be after'],
    [[{ ...session, kWhDelivered: null }], '[0].kWhDelivered must be a finite number'],
    [[session, session], 'a is the id of another process'],
    [[7], '[0] must be an object'],
    [{ _items: 'none' }, '_items must be a list'],
    [[], 'has no sessions'],
  ])('refuses %j', (input, message) => {
    expect(messages(importAcnData(input, options)).join()).toContain(message);
  });
});

describe('SpiceEV', () => {
  const files: Readonly<Record<string, string>> = { 'pv.csv': sample('pv.csv') };
  const readFile = (name: string): string | undefined => files[name];
  const file = () => JSON.parse(sample('spice-ev.json'));
  const stayOf = (scenario: Scenario, vehicle: string) =>
    scenario.processes.filter(({ id }) => id.startsWith(vehicle));

  it('turns pairs of arrival and departure into stays', () => {
    const scenario = value(importSpiceEv(file(), { name: 's', readFile }));
    expect(stayOf(scenario, 'bus_1')).toMatchObject([
      {
        evse: 'CS_1/evse',
        arrivalS: (6 * 60 + 10) * 60,
        // The night is an hour longer.
        departureS: (18 * 60 + 40) * 60,
        // It left with 0.9, and used 0.55 of its battery on the road.
        presentEnergyKwh: expect.closeTo(0.35 * 350, 6),
        battery: { capacityKwh: 350, chargeEfficiency: 0.95 },
        needs: {
          targetEnergyRequestKwh: expect.closeTo(0.55 * 350, 6),
          maximumChargeKw: 150,
          minimumChargeKw: 10,
          maximumDischargeKw: 75,
          minimumV2xEnergyRequestKwh: expect.closeTo(0.05 * 350, 6),
        },
      },
    ]);
    // Plugged in from the start, and back in the evening with what the first stay gave it.
    expect(stayOf(scenario, 'bus_2').map(({ presentEnergyKwh }) => presentEnergyKwh)).toEqual([
      175,
      expect.closeTo(0.35 * 350, 6),
    ]);
  });

  it('keeps grid connectors, stations, prices, limits, loads and PV', () => {
    const imported = importSpiceEv(file(), { name: 's', readFile });
    const scenario = value(imported);
    expect(scenario.topology.nodes).toContainEqual({
      type: 'busbar',
      id: 'GC1',
      capacity: { importKw: 200, exportKw: 200 },
    });
    expect(scenario.prices?.importEurPerKwh.filter((_, step) => step % 12 === 0)).toEqual([
      0.28, 0.28, 0.36, 0.19, 0.19, 0.19, 0.19, 0.19,
    ]);
    expect(scenario.limits?.[0]).toEqual({ node: 'GC1', fromS: 5 * 3600, toS: 9 * 3600, importKw: 120 });
    expect(scenario.fixedPower?.map(({ id, type }) => [id, type])).toEqual([
      ['building', 'load'],
      ['PV', 'pv'],
    ]);
    expect(imported).toMatchObject({
      notes: ['PV: 58 steps below 0 kW are taken as 0.', 'Stationary batteries are left out: BAT1.'],
    });
  });

  it('holds a charging curve by its least concave majorant', () => {
    const content = file();
    content.components.vehicle_types.bus.charging_curve = [
      [0, 50],
      [0.2, 150],
      [0.6, 120],
      [0.8, 60],
      [0.9, 50],
      [1, 0],
    ];
    const scenario = value(importSpiceEv(content, { name: 's', readFile }));
    expect(stayOf(scenario, 'bus_1')[0]?.battery.chargingCurve).toEqual([
      { energyKwh: 0, kw: 150 },
      { energyKwh: 70, kw: 150 },
      { energyKwh: 210, kw: 120 },
      // The corner at 0.8 lies below the line between its neighbours.
      { energyKwh: 315, kw: 50 },
      { energyKwh: 350, kw: 0 },
    ]);
  });

  it('refuses what has no counterpart, and says what to do', () => {
    const twoPrices = file();
    twoPrices.components.grid_connectors.GC2 = { max_power: 50, cost: { type: 'fixed', value: 0.1 } };
    expect(messages(importSpiceEv(twoPrices, { name: 's', readFile })).join()).toContain(
      'import one of them alone (connector): GC1, GC2',
    );
    expect(value(importSpiceEv(twoPrices, { name: 's', readFile, connector: 'GC1' })).processes).toHaveLength(
      4,
    );
    const polynomial = file();
    polynomial.components.grid_connectors.GC1.cost = { type: 'polynomial', value: [1, 0, 1] };
    expect(messages(importSpiceEv(polynomial, { name: 's', readFile })).join()).toContain(
      'must be one of fixed',
    );
    expect(messages(importSpiceEv(file(), { name: 's', readFile: () => undefined })).join()).toContain(
      'needs the file pv.csv',
    );
    expect(messages(importSpiceEv({}, { name: 's', readFile })).join()).toContain(
      'scenario must be an object',
    );
  });
});

describe('samples of series', () => {
  it('cover a night of 25 hours', () => {
    const day = { start: '2025-10-26T00:00:00+02:00', stepSeconds: 3600, steps: 25 };
    const prices = value(
      importPrices({ text: sample('prices.csv'), file: 'prices.csv', zone: 'Europe/Berlin' }, day, 0),
    );
    expect(prices.exportEurPerKwh).toHaveLength(25);
    expect(Math.min(...prices.exportEurPerKwh)).toBeLessThan(0);
    const pv = value(importPv({ text: sample('pv.csv'), file: 'pv.csv' }, day));
    expect(Math.max(...pv)).toBeGreaterThan(50);
  });
});
