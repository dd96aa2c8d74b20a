import { assertNever } from '../../../../src/core/assert.ts';
import type { ChargingProcess } from '../model/needs.ts';
import type { TemporaryLimit } from '../model/scenario.ts';
import type { PlanAttempt } from './replanner.ts';
import type { DayEvent } from './timeline.ts';

/** One line for the log of a day; `energyKwh` are the levels at that moment, `latest` knows the needs of that moment. */
export function describeEvent(
  event: DayEvent,
  energyKwh: ReadonlyMap<string, number>,
  latest: (process: ChargingProcess) => ChargingProcess,
): string {
  switch (event.type) {
    case 'arrival': {
      const { process, arrivalS } = event.stay;
      const level = (energyKwh.get(process.id) ?? process.presentEnergyKwh).toFixed(1);
      return `${process.id} arrives at ${process.evse} with ${level} kWh${offset(arrivalS - process.arrivalS)}`;
    }
    case 'departure': {
      const { process, departureS } = event.stay;
      const level = energyKwh.get(process.id) ?? process.presentEnergyKwh;
      const target = process.presentEnergyKwh + latest(process).needs.targetEnergyRequestKwh;
      return `${process.id} leaves with ${level.toFixed(1)} of ${target.toFixed(1)} kWh${offset(departureS - process.departureS)}`;
    }
    case 'needs':
      return `${event.process} changes its needs`;
    case 'limit':
      return `${event.limit.node} is limited to ${limitText(event.limit)} for ${minutes(event.limit.toS - event.limit.fromS)}`;
    case 'release':
      return `the limit of ${event.limit.node} ends`;
    case 'prices':
      return 'prices change';
    default:
      return assertNever(event);
  }
}

export function describeAttempt(attempt: PlanAttempt): string {
  switch (attempt.type) {
    case 'made':
      return 'a new plan is in force';
    case 'late':
      return 'a plan was not ready in time; what was in force before stays';
    case 'failed':
      return `${attempt.detail} What was in force before stays.`;
    default:
      return assertNever(attempt);
  }
}

function limitText({ importKw, exportKw }: TemporaryLimit): string {
  const parts = [
    importKw === undefined ? undefined : `${importKw} kW import`,
    exportKw === undefined ? undefined : `${exportKw} kW export`,
  ];
  return parts.filter((part) => part !== undefined).join(' and ');
}

function offset(seconds: number): string {
  if (Math.abs(seconds) < 30) return '';
  return `, ${minutes(Math.abs(seconds))} ${seconds > 0 ? 'late' : 'early'}`;
}

const minutes = (seconds: number): string => `${Math.round(seconds / 60)} min`;
