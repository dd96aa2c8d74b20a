import { assert } from '../../core/assert.ts';
import { maxAlarms } from '../../core/limits.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import { type Alarm, type AlarmRequest, type AlarmResult, alarmTypes } from './control.ts';
import { int64Bytes, readInt64 } from './int64.ts';
import type { KeyError } from './requests.ts';
import { type Present, writePresent } from './revisions.ts';

/** `0x30 | member (8 bytes) | kind of alarm (1 byte)`; the value says nothing. */
const alarmsTable = 0x30;

/** The alarms that stand, by member. */
export function alarms(store: ReadStore): Alarm[] {
  const standing: Alarm[] = [];
  const bounds = { from: Uint8Array.of(alarmsTable), to: Uint8Array.of(alarmsTable + 1) };
  for (const [key] of store.scan(bounds)) {
    const alarm = alarmTypes[key[9] as number];
    assert(alarm !== undefined, 'an alarm of a later version');
    standing.push({ member: BigInt.asUintN(64, readInt64(key, 1)), alarm });
  }
  return standing;
}

export function applyAlarm(store: Store, request: AlarmRequest, present: Present): AlarmResult | KeyError {
  const { member, alarm } = request;
  const key = Uint8Array.of(alarmsTable, ...int64Bytes(member), alarmTypes.indexOf(alarm));
  const stands = store.get(key) !== undefined;
  const added = request.action === 'activate' && !stands;
  if (added && alarms(store).length >= maxAlarms) return { type: 'error', code: 'tooManyAlarms' };
  if (request.action === 'activate') store.put(key, Uint8Array.of(0));
  else if (stands) store.delete(key);
  const standing = alarms(store);
  const any = (type: Alarm['alarm']): boolean => standing.some((other) => other.alarm === type);
  writePresent(store, { ...present, noSpace: any('noSpace'), corrupt: any('corrupt') });
  const answered = request.action === 'activate' || stands;
  return { type: 'alarm', alarms: answered ? [{ member, alarm }] : [] };
}
